//! `client.show_message` and `client.reconnect`: for people, and for going away.

use crate::sv1::json::write_text;

/// Appends a message that the miner shows or logs.
pub fn show(out: &mut String, words: &str) {
    out.push_str(r#"{"id":null,"method":"client.show_message","params":["#);
    write_text(out, words);
    out.push_str("]}\n");
}

/// Appends the request to come back: to the same place, a moment later. Firmware that
/// does not know it comes back because the connection closes.
pub fn reconnect(out: &mut String) {
    out.push_str("{\"id\":null,\"method\":\"client.reconnect\",\"params\":[]}\n");
}
