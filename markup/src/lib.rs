//! `html!`: HTML and SVG, written in the notation that Maud made known, checked when it is
//! compiled. A crate of its own because macros of this kind must be, and ours because it
//! needs nothing that would have to be compiled for it.
//!
//! ```text
//! html! {
//!     h1.quiet { "The pool" }                      element, class, text
//!     a href=(address) { (name) }                  values stand in parentheses
//!     span title=[maybe] hidden { "x" }            an Option, and an attribute alone
//!     br;                                          nothing in it
//!     li.(colour) { @if a { "b" } @else { "c" } }  @if, @for, @match; a computed class
//! }
//! ```
//!
//! Everything is escaped, but for what is `Markup` already. The code that comes out names
//! `crate::http::markup`.

mod parse;

use proc_macro::TokenStream;

/// HTML from its notation; see the crate's page.
#[proc_macro]
pub fn html(input: TokenStream) -> TokenStream {
    match parse::markup(input) {
        Ok(code) => code,
        Err(fault) => fault.into_code(),
    }
}
