//! HTML that has been written, and what can be written into it; see the crate `markup`.

pub use markup::html;

use std::sync::Arc;

/// HTML, escaped already.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Markup(String);

/// What can stand in markup.
pub trait Render {
    /// Writes it, escaped, at the end of `out`.
    fn render(&self, out: &mut String);
}

/// What a page begins with.
pub const DOCTYPE: Doctype = Doctype;

/// See [`DOCTYPE`].
#[derive(Clone, Copy, Debug)]
pub struct Doctype;

impl Markup {
    /// What `html!` has written, or what else needs no escaping: drawn by us, out of numbers.
    pub fn of(html: String) -> Markup {
        Markup(html)
    }

    /// As text.
    pub fn into_string(self) -> String {
        self.0
    }
}

impl Render for Markup {
    fn render(&self, out: &mut String) {
        out.push_str(&self.0);
    }
}

impl Render for Doctype {
    fn render(&self, out: &mut String) {
        out.push_str("<!DOCTYPE html>");
    }
}

impl Render for str {
    fn render(&self, out: &mut String) {
        for character in self.chars() {
            match character {
                '&' => out.push_str("&amp;"),
                '<' => out.push_str("&lt;"),
                '>' => out.push_str("&gt;"),
                '"' => out.push_str("&quot;"),
                other => out.push(other),
            }
        }
    }
}

impl Render for String {
    fn render(&self, out: &mut String) {
        self.as_str().render(out);
    }
}

impl<T: Render + ?Sized> Render for &T {
    fn render(&self, out: &mut String) {
        T::render(self, out);
    }
}

impl<T: Render + ?Sized> Render for Arc<T> {
    fn render(&self, out: &mut String) {
        T::render(self, out);
    }
}

macro_rules! numbers {
    ($($number:ty)*) => {
        $(impl Render for $number {
            fn render(&self, out: &mut String) {
                out.push_str(&self.to_string());
            }
        })*
    };
}

numbers!(i32 u16 u32 u64 usize);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_from_outside_cannot_leave_its_place() {
        let name = "<script>\"&\"";
        let written = html! { p.a-b title=(name) hidden { (name) " & " (1) } };
        let escaped = "&lt;script&gt;&quot;&amp;&quot;";
        assert_eq!(
            written.into_string(),
            format!("<p class=\"a-b\" title=\"{escaped}\" hidden>{escaped} &amp; 1</p>")
        );
    }

    #[test]
    fn branches_loops_and_options_write_what_they_hold() {
        let written = |number: Option<u32>, class: &str| {
            let html = html! {
                ul.(class).two aria-label=[number] {
                    @for item in 0..number.unwrap_or_default() {
                        @if item == 0 { li { "first" } } @else if item == 1 { li; } @else { (item) }
                    }
                    @match number { Some(3) => b { "three" }, Some(other) => { (other) "!" } None => "none" }
                }
            };
            html.into_string()
        };
        assert_eq!(
            written(Some(3), "one"),
            "<ul class=\"one two\" aria-label=\"3\"><li>first</li><li>2<b>three</b></ul>"
        );
        assert_eq!(written(Some(1), "x"), "<ul class=\"x two\" aria-label=\"1\"><li>first</li>1!</ul>");
        assert_eq!(written(None, ""), "<ul class=\" two\">none</ul>");
    }
}
