//! Who asks: the host in a browser, a program of theirs, or somebody else.

use crate::access::Access;
use axum::http::{HeaderMap, header};
use std::net::{IpAddr, SocketAddr};

/// The cookie that holds a session.
pub const COOKIE: &str = "punchbowl_session";

/// Somebody who may change things.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Caller {
    /// The host, in a browser; each form must hold this.
    Browser {
        /// The session's CSRF token.
        csrf: String,
    },
    /// A program of theirs, by the name of its token.
    Program(String),
}

/// Who sent these headers, if they may change things. A bearer token counts before a cookie.
pub fn caller(access: &Access, headers: &HeaderMap) -> Option<Caller> {
    let authorization = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    if let Some(token) = authorization.and_then(|text| text.strip_prefix("Bearer ")) {
        return access.token(token.trim()).map(Caller::Program);
    }
    let csrf = access.session(&session_cookie(headers)?)?;
    Some(Caller::Browser { csrf })
}

/// The session that the browser shows.
pub fn session_cookie(headers: &HeaderMap) -> Option<String> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let pairs = cookies.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.into_iter().find(|(name, _)| *name == COOKIE).map(|(_, value)| value.to_owned())
}

/// Whether a form was sent from a page of the pool's own. Browsers say where it was; what says
/// nothing is no browser, and has no cookie.
pub fn is_from_own_page(headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    match text("sec-fetch-site") {
        // The browser's own word, which no page can change; a proxy may have changed the host.
        Some("same-origin") => return true,
        Some("none") | None => {}
        Some(_) => return false,
    }
    let Some(origin) = text("origin") else { return true };
    let (_, origin_host) = origin.split_once("://").unwrap_or_default();
    // Another site's page cannot send the second; a proxy sends the host that the browser asked.
    let hosts = [text("host"), text("x-forwarded-host")];
    !origin_host.is_empty() && hosts.iter().flatten().any(|host| origin_host.eq_ignore_ascii_case(host))
}

/// `Set-Cookie` for a session; a proxy that speaks TLS with the browser makes it `Secure`.
pub fn set_cookie(cookie: &str, headers: &HeaderMap) -> String {
    let seconds = crate::access::sessions::LONGEST.as_secs();
    let sealed = headers.get("x-forwarded-proto").is_some_and(|proto| proto.as_bytes() == b"https");
    let secure = if sealed { "; Secure" } else { "" };
    format!("{COOKIE}={cookie}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}")
}

/// `Set-Cookie` that takes the session away.
pub fn clear_cookie() -> String {
    format!("{COOKIE}=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict")
}

/// The address of a peer, an IPv4 one as such.
pub fn address(peer: SocketAddr) -> IpAddr {
    peer.ip().to_canonical()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn only_forms_of_the_pools_own_pages_count() {
        let own = [("host", "pool.local:8080"), ("origin", "http://pool.local:8080")];
        assert!(is_from_own_page(&headers(&own)));
        assert!(is_from_own_page(&headers(&[
            ("host", "x"),
            ("origin", "https://x"),
            ("sec-fetch-site", "same-origin")
        ])));
        assert!(is_from_own_page(&headers(&[
            ("host", "inner:8080"),
            ("origin", "https://pool.local"),
            ("sec-fetch-site", "same-origin")
        ])));
        assert!(is_from_own_page(&headers(&[
            ("host", "inner:8080"),
            ("origin", "http://pool.local"),
            ("x-forwarded-host", "pool.local")
        ])));
        assert!(is_from_own_page(&headers(&[("host", "x")])), "a program");
        for wrong in [
            [("host", "x"), ("origin", "http://evil"), ("accept", "*/*")],
            [("host", "x"), ("origin", "null"), ("accept", "*/*")],
            [("host", "x"), ("origin", "http://x"), ("sec-fetch-site", "cross-site")],
            [("host", "x"), ("origin", "http://x:81"), ("sec-fetch-site", "same-site")],
        ] {
            assert!(!is_from_own_page(&headers(&wrong)), "{wrong:?}");
        }
    }

    #[test]
    fn a_session_and_a_token_are_recognised_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let access = Access::new(folder.path());
        let opened = access.open_session();
        let token = crate::access::new_token(folder.path(), "scripts", 0).unwrap();
        let cookie = format!("a=b; {COOKIE}={}; c=d", opened.cookie);
        let browser = Caller::Browser { csrf: opened.csrf };
        assert_eq!(caller(&access, &headers(&[("cookie", &cookie)])), Some(browser));
        let bearer = format!("Bearer {token}");
        let program = Caller::Program("scripts".into());
        assert_eq!(caller(&access, &headers(&[("authorization", &bearer)])), Some(program));
        for wrong in [
            ("authorization", "Bearer x"),
            ("authorization", "Basic eDp4"),
            ("cookie", "punchbowl_session=00"),
        ] {
            assert_eq!(caller(&access, &headers(&[wrong])), None, "{wrong:?}");
        }
        assert_eq!(caller(&access, &headers(&[("authorization", "Bearer x"), ("cookie", &cookie)])), None);
    }

    #[test]
    fn scripts_and_other_sites_never_see_the_cookie() {
        let plain = set_cookie("00ff", &HeaderMap::new());
        assert!(plain.contains("HttpOnly") && plain.contains("SameSite=Strict") && !plain.contains("Secure"));
        assert!(set_cookie("00ff", &headers(&[("x-forwarded-proto", "https")])).ends_with("; Secure"));
    }
}
