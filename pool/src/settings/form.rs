//! From the fields of a page's form to settings.

use super::Values;

/// Fields as a browser sends them.
#[derive(Clone, Default)]
pub struct Fields(Vec<(String, String)>);

/// The longest text in a field.
const LONGEST: usize = 4_096;

impl Fields {
    /// From pairs of names and texts.
    pub fn new(pairs: Vec<(String, String)>) -> Fields {
        Fields(pairs)
    }

    /// The text of a field, without white space around it; empty where there is none.
    pub fn get(&self, name: &str) -> &str {
        let found = self.0.iter().find(|(known, _)| known == name);
        found.map(|(_, text)| text.trim()).filter(|text| text.len() <= LONGEST).unwrap_or_default()
    }

    /// The text of a field as it is: a password may begin with a space.
    pub fn raw(&self, name: &str) -> &str {
        self.0.iter().find(|(known, _)| known == name).map_or("", |(_, text)| text.as_str())
    }

    /// Who is paid: the fields `pay` (`address`, `descriptor`, `shared` or `solo`) and those that
    /// belong to it, as keys; every payout key that does not fit is unset.
    ///
    /// # Errors
    /// In words, when nothing was chosen or the chosen field is empty.
    pub fn payout(&self) -> Result<Values, String> {
        let (mode, address, descriptor) = match self.get("pay") {
            "address" => ("fixed", self.get("address"), ""),
            "descriptor" => ("fixed", "", self.get("descriptor")),
            "solo" => ("solo", "", ""),
            "shared" => ("shared", "", ""),
            _ => return Err("Choose who is paid.".into()),
        };
        if mode == "fixed" && address.is_empty() && descriptor.is_empty() {
            return Err("Nobody would be paid: fill in the field under your choice.".into());
        }
        let recent = mode == "shared" && self.get("window") == "recent";
        let (window, difficulties) =
            if recent { ("recent", self.get("window_difficulties")) } else { ("round", "") };
        Ok(pairs(&[
            ("payout.mode", mode),
            ("payout.address", address),
            ("payout.descriptor", descriptor),
            ("payout.window", window),
            ("payout.window_difficulties", difficulties),
        ]))
    }

    /// What stands in blocks.
    pub fn pool_tag(&self) -> Values {
        pairs(&[("payout.pool_tag", self.get("pool_tag"))])
    }

    /// Where notifications go. A secret that is left empty stays as it is, unless the box
    /// `forget` is ticked.
    pub fn notifications(&self) -> Values {
        let mut values = pairs(&[("notify.ntfy", self.get("ntfy")), ("notify.webhook", self.get("webhook"))]);
        let forget = !self.get("forget").is_empty();
        for name in ["ntfy_token", "webhook_secret"] {
            if forget || !self.get(name).is_empty() {
                values.insert(format!("notify.{name}"), self.get(name).to_owned());
            }
        }
        values
    }
}

fn pairs(pairs: &[(&str, &str)]) -> Values {
    pairs.iter().map(|(key, text)| ((*key).to_owned(), (*text).to_owned())).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;

    fn fields(pairs: &[(&str, &str)]) -> Fields {
        Fields::new(pairs.iter().map(|(name, text)| ((*name).into(), (*text).into())).collect())
    }

    #[test]
    fn only_the_chosen_payout_counts_and_the_others_are_unset() {
        let all = [("address", " bc1q "), ("descriptor", "wpkh(x)")];
        let choose = |pay: &str| fields(&[&all[..], &[("pay", pay)]].concat()).payout();
        assert_eq!(choose("address").unwrap()["payout.address"], "bc1q");
        assert_eq!(choose("address").unwrap()["payout.descriptor"], "");
        assert_eq!(choose("solo").unwrap()["payout.mode"], "solo");
        assert_eq!(choose("solo").unwrap()["payout.address"], "");
        assert_eq!(choose("shared").unwrap()["payout.window"], "round");
        assert!(choose("").is_err());
        assert!(fields(&[("pay", "address")]).payout().is_err());
    }

    #[test]
    fn a_secret_that_is_left_empty_stays() {
        let kept = fields(&[("ntfy", "https://n/x")]).notifications();
        assert_eq!(kept.keys().collect::<Vec<_>>(), ["notify.ntfy", "notify.webhook"]);
        let forgotten = fields(&[("forget", "on")]).notifications();
        assert_eq!(forgotten["notify.ntfy_token"], "");
    }
}
