//! One screen: is all well, who mines, how far is the round.

use super::answers::{Answers, Status};
use super::figures::{bitcoin, grouped, hashrate, percent, span};
use super::verdict::Trouble;
use crate::notify::event::short;
use crate::notify::view::worker_name;
use std::collections::BTreeMap;
use std::time::Duration;

/// How it is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// Columns.
    pub width: usize,
    /// Lines; none for as many as there are.
    pub height: Option<usize>,
    /// With colours.
    pub colour: bool,
}

/// The screen's lines, at `now` seconds since the Unix epoch.
pub fn draw(base: &str, answers: &Answers, troubles: &[Trouble], now: u64, look: Look) -> Vec<String> {
    let pen = Pen { colour: look.colour };
    let mut lines = vec![headline(base, &answers.status, pen), String::new()];
    lines.extend(well(troubles, pen));
    lines.push(String::new());
    lines.extend(figures(answers, now, pen));
    lines.push(String::new());
    let left = look.height.map(|height| height.saturating_sub(lines.len()));
    lines.extend(miners(answers, left, pen));
    lines.iter().map(|line| cut(line, look.width)).collect()
}

fn headline(base: &str, status: &Status, pen: Pen) -> String {
    let up = span(Duration::from_secs(status.uptime_seconds));
    format!("{} {} on {}, up {up}   {base}", pen.bold("Punchbowl"), status.version, status.network)
}

fn well(troubles: &[Trouble], pen: Pen) -> Vec<String> {
    if troubles.is_empty() {
        return vec![pen.green("  All is well.")];
    }
    let line = |trouble: &Trouble| {
        let text = format!("  {} {}", if trouble.serious { "NOT WELL:" } else { "Look:" }, trouble.what);
        if trouble.serious { pen.red(&text) } else { pen.yellow(&text) }
    };
    troubles.iter().map(line).collect()
}

fn figures(answers: &Answers, now: u64, pen: Pen) -> Vec<String> {
    let status = &answers.status;
    let mut lines = Vec::new();
    let mut line =
        |name: &str, text: String| lines.push(format!("  {}{text}", pen.dim(&format!("{name:<10}"))));
    if let Some(pool) = &answers.pool {
        let rate = |window: &str| pool.hashrate.get(window).map(|rate| hashrate(rate.hashrate));
        let rates = ["5m", "1h", "1d"].map(|window| rate(window).map(|rate| format!("{rate} ({window})")));
        line("Hashrate", rates.into_iter().flatten().collect::<Vec<_>>().join("   "));
        let effort = pool.round.effort;
        let since = pool
            .round
            .since
            .map(|since| format!(", begun {} ago", span(Duration::from_secs(now.saturating_sub(since)))));
        let since = since.unwrap_or_default();
        line("Round", format!("{} {} of an average block{since}", bar(effort, 24), percent(effort)));
        let odds = &pool.odds;
        let (day, month, year) = (percent(odds.day), percent(odds.month), percent(odds.year));
        line("A block", format!("{day} a day, {month} a month, {year} a year, at this pace"));
        if let Some(best) = &pool.best {
            let worker = worker_name(&best.member, &best.worker);
            let network = pool.round.network_difficulty;
            let of = if network > 0.0 {
                format!(", {} of a block", percent(best.difficulty / network))
            } else {
                String::new()
            };
            line("Best share", format!("{} by {worker}{of}", short(best.difficulty)));
        }
    }
    line("Blocks", blocks(status, now));
    line("Template", template(status));
    if let Some(ledger) = &status.ledger {
        let text = format!(
            "{}: share {}, slice {}, slowest commit {:.0} ms",
            ledger.state,
            grouped(ledger.last_share),
            grouped(ledger.last_slice),
            ledger.slowest_commit_seconds * 1e3
        );
        line("Ledger", text);
    }
    let refused: u64 = status.shares.rejected.values().sum();
    line(
        "Shares",
        format!("{} accepted, {} refused since the start", grouped(status.shares.accepted), grouped(refused)),
    );
    lines
}

fn blocks(status: &Status, now: u64) -> String {
    let counts = &status.block_counts;
    let Some(last) = status.blocks.first() else {
        return if counts.submitted == 0 {
            "none since the start".into()
        } else {
            counts.submitted.to_string()
        };
    };
    let became = match (&last.state, last.accepted) {
        (Some(state), _) => state.as_str(),
        (None, true) => "accepted",
        (None, false) => "not accepted",
    };
    let ago = span(Duration::from_secs(now.saturating_sub(last.found_at)));
    let finder = worker_name(&last.member, &last.worker);
    format!(
        "{} since the start; the last: {}, {became}, {ago} ago by {finder}",
        counts.accepted,
        grouped(last.height.into())
    )
}

fn template(status: &Status) -> String {
    let Some(template) = &status.template else { return "none yet".into() };
    let age = Duration::try_from_secs_f64(template.age_seconds).unwrap_or_default();
    format!(
        "height {}, {} old, {} transactions, pays {} ({} fees)",
        grouped(template.height.into()),
        span(age),
        grouped(template.transactions),
        bitcoin(template.fees.saturating_add(template.subsidy)),
        bitcoin(template.fees)
    )
}

/// A worker's row.
#[derive(Default)]
struct Row {
    accepted: u64,
    rejected: u64,
    difficulty: f64,
    hashrate: Option<f64>,
    path: String,
    agent: String,
}

fn miners(answers: &Answers, left: Option<usize>, pen: Pen) -> Vec<String> {
    let mut rows: BTreeMap<String, Row> = BTreeMap::new();
    for connection in &answers.status.connections {
        for channel in &connection.channels {
            let report = channel.report.clone().unwrap_or_default();
            let mut add = |worker: &str, accepted: u64, rejected: u64| {
                let row = rows.entry(worker_name(&channel.member, worker)).or_default();
                row.accepted += accepted;
                row.rejected += rejected;
                row.difficulty = report.share_difficulty;
                row.hashrate = answers.hashrate(&channel.member, worker);
                row.path = path(&connection.path, &connection.protocol);
                row.agent.clone_from(&connection.agent);
            };
            if report.workers.is_empty() {
                add(&channel.worker, report.accepted, report.rejected);
            }
            for worker in &report.workers {
                add(&worker.name, worker.accepted, worker.rejected);
            }
        }
    }
    let count = rows.len();
    if count == 0 {
        return vec!["  Nobody mines here now. `punchbowl invite` prints what to hand out.".into()];
    }
    let title = format!(
        "  {:<28} {:>11} {:>9} {:>8} {:>10}  {:<14} {}",
        format!("{count} worker{} mining", if count == 1 { "" } else { "s" }),
        "hashrate",
        "accepted",
        "refused",
        "difficulty",
        "path",
        "miner"
    );
    let mut rows: Vec<(String, Row)> = rows.into_iter().collect();
    // Those who do most come first; where that is not known, by name.
    rows.sort_by(|(a, x), (b, y)| {
        let rate = |row: &Row| row.hashrate.unwrap_or_default();
        rate(y).total_cmp(&rate(x)).then_with(|| a.cmp(b))
    });
    let places = left.map_or(count, |left| left.saturating_sub(2)).min(count);
    let mut lines = vec![pen.dim(&title)];
    lines.extend(rows.iter().take(places).map(|(name, row)| {
        let rate = row.hashrate.map_or_else(|| "-".to_owned(), hashrate);
        let (accepted, rejected) = (grouped(row.accepted), grouped(row.rejected));
        let (name, difficulty) = (cut(name, 28), short(row.difficulty));
        format!(
            "  {name:<28} {rate:>11} {accepted:>9} {rejected:>8} {difficulty:>10}  {:<14} {}",
            row.path, row.agent
        )
    }));
    if count > places {
        lines.push(pen.dim(&format!("  and {} more", count - places)));
    }
    lines
}

fn path(path: &str, protocol: &str) -> String {
    let way = match path {
        "tcp" => "tcp",
        "iroh-lan" => "node id, LAN",
        "iroh-direct" => "node id",
        "iroh-relayed" => "relay",
        other => other,
    };
    if protocol == "sv1" { format!("{way} (V1)") } else { way.to_owned() }
}

/// `[########----------------]`; full from an average block on.
fn bar(part: f64, width: usize) -> String {
    let full = (part.clamp(0.0, 1.0) * width as f64).round() as usize;
    format!("[{}{}]", "#".repeat(full), "-".repeat(width.saturating_sub(full)))
}

/// The first `width` letters; colours are no letters.
fn cut(line: &str, width: usize) -> String {
    let mut kept = String::new();
    let (mut shown, mut in_colour, mut coloured) = (0, false, false);
    for letter in line.chars() {
        if letter == '\u{1b}' {
            (in_colour, coloured) = (true, true);
        }
        if in_colour {
            in_colour = letter != 'm';
            kept.push(letter);
        } else if shown < width {
            shown += 1;
            // Names come from miners: nothing of theirs moves the cursor.
            kept.push(if letter.is_control() { '?' } else { letter });
        }
    }
    if coloured { kept + "\u{1b}[0m" } else { kept }
}

#[derive(Clone, Copy)]
struct Pen {
    colour: bool,
}

impl Pen {
    fn with(self, code: &str, text: &str) -> String {
        if self.colour { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    fn bold(self, text: &str) -> String {
        self.with("1", text)
    }

    fn dim(self, text: &str) -> String {
        self.with("2", text)
    }

    fn green(self, text: &str) -> String {
        self.with("32", text)
    }

    fn yellow(self, text: &str) -> String {
        self.with("33", text)
    }

    fn red(self, text: &str) -> String {
        self.with("1;31", text)
    }
}

#[cfg(test)]
mod tests;
