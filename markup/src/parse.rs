//! From the notation to the code that writes it.

use proc_macro::{Delimiter, Group, Ident, Literal, Punct, Spacing, Span, TokenStream, TokenTree};
use std::iter::Peekable;

type Tokens = Peekable<proc_macro::token_stream::IntoIter>;

/// What is wrong, and where.
pub struct Fault {
    span: Span,
    text: &'static str,
}

/// Code that is being made: what is known beforehand is gathered into one piece.
#[derive(Default)]
struct Code {
    code: TokenStream,
    known: String,
}

/// The expression that makes the markup.
pub fn markup(input: TokenStream) -> Result<TokenStream, Fault> {
    let mut code = Code::default();
    code.glue("let mut page = ::std::string::String::new();");
    nodes(&mut input.into_iter().peekable(), &mut code)?;
    code.flush();
    code.glue("crate::http::markup::Markup::of(page)");
    Ok(TokenTree::Group(Group::new(Delimiter::Brace, code.code)).into())
}

impl Fault {
    /// Code that makes the compiler say so.
    pub fn into_code(self) -> TokenStream {
        let text = TokenStream::from(TokenTree::from(Literal::string(self.text)));
        let mut code: Vec<TokenTree> = glue("compile_error!").into_iter().collect();
        code.push(Group::new(Delimiter::Brace, text).into());
        code.into_iter()
            .map(|mut token| {
                token.set_span(self.span);
                token
            })
            .collect()
    }
}

impl Code {
    fn text(&mut self, text: &str) {
        self.known.push_str(text);
    }

    fn flush(&mut self) {
        if self.known.is_empty() {
            return;
        }
        let text = TokenTree::from(Literal::string(&std::mem::take(&mut self.known)));
        self.glue("page.push_str");
        self.group(Delimiter::Parenthesis, text.into());
        self.glue(";");
    }

    fn glue(&mut self, text: &str) {
        self.code.extend(glue(text));
    }

    fn group(&mut self, delimiter: Delimiter, inside: TokenStream) {
        self.code.extend([TokenTree::Group(Group::new(delimiter, inside))]);
    }

    /// Writes the value of an expression.
    fn value(&mut self, expression: TokenStream) {
        self.flush();
        self.glue("crate::http::markup::Render::render");
        let mut arguments = glue("&");
        arguments.extend([TokenTree::Group(Group::new(Delimiter::Parenthesis, expression))]);
        arguments.extend(glue(", &mut page"));
        self.group(Delimiter::Parenthesis, arguments);
        self.glue(";");
    }
}

fn glue(text: &str) -> TokenStream {
    // All of it is in this file and is Rust.
    text.parse().unwrap_or_default()
}

fn nodes(tokens: &mut Tokens, code: &mut Code) -> Result<(), Fault> {
    while tokens.peek().is_some() {
        node(tokens, code)?;
    }
    Ok(())
}

fn node(tokens: &mut Tokens, code: &mut Code) -> Result<(), Fault> {
    match tokens.next() {
        Some(TokenTree::Literal(text)) => {
            code.value(TokenTree::from(text).into());
            Ok(())
        }
        Some(TokenTree::Group(group)) => match group.delimiter() {
            Delimiter::Parenthesis => {
                code.value(group.stream());
                Ok(())
            }
            Delimiter::Brace => nodes(&mut group.stream().into_iter().peekable(), code),
            _ => fault(group.span(), "expected an element, a text, (an expression) or @if, @for, @match"),
        },
        Some(TokenTree::Punct(at)) if at.as_char() == '@' => control(tokens, &at, code),
        Some(TokenTree::Ident(name)) => element(&name, tokens, code),
        Some(other) => {
            fault(other.span(), "expected an element, a text, (an expression) or @if, @for, @match")
        }
        None => fault(Span::call_site(), "something is missing at the end"),
    }
}

fn element(name: &Ident, tokens: &mut Tokens, code: &mut Code) -> Result<(), Fault> {
    code.text(&format!("<{name}"));
    classes(tokens, code)?;
    loop {
        match tokens.next() {
            Some(TokenTree::Punct(end)) if end.as_char() == ';' => {
                code.text(">");
                return Ok(());
            }
            Some(TokenTree::Group(body)) if body.delimiter() == Delimiter::Brace => {
                code.text(">");
                nodes(&mut body.stream().into_iter().peekable(), code)?;
                code.text(&format!("</{name}>"));
                return Ok(());
            }
            Some(TokenTree::Ident(attribute)) => self::attribute(&attribute, tokens, code)?,
            Some(other) => return fault(other.span(), "expected an attribute, { what is inside } or ;"),
            None => return fault(name.span(), "this element has no { inside } and no ; at its end"),
        }
    }
}

fn classes(tokens: &mut Tokens, code: &mut Code) -> Result<(), Fault> {
    let mut first = true;
    while is_punct(tokens.peek(), '.') {
        tokens.next();
        code.text(if first { " class=\"" } else { " " });
        first = false;
        match tokens.next() {
            Some(TokenTree::Ident(class)) => {
                let class = dashed(&class, tokens);
                code.text(&class);
            }
            Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Parenthesis => {
                code.value(group.stream());
            }
            other => return fault(span(other), "expected a class or (an expression) after the dot"),
        }
    }
    if !first {
        code.text("\"");
    }
    Ok(())
}

fn attribute(name: &Ident, tokens: &mut Tokens, code: &mut Code) -> Result<(), Fault> {
    let name = dashed(name, tokens);
    if !is_punct(tokens.peek(), '=') {
        code.text(&format!(" {name}"));
        return Ok(());
    }
    tokens.next();
    match tokens.next() {
        Some(TokenTree::Literal(text)) => {
            code.text(&format!(" {name}=\""));
            code.value(TokenTree::from(text).into());
        }
        Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Parenthesis => {
            code.text(&format!(" {name}=\""));
            code.value(group.stream());
        }
        Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Bracket => {
            code.flush();
            code.glue("if let ::std::option::Option::Some(value) =");
            code.group(Delimiter::Parenthesis, group.stream());
            let mut inside = Code::default();
            inside.text(&format!(" {name}=\""));
            inside.value(glue("value"));
            inside.text("\"");
            inside.flush();
            code.group(Delimiter::Brace, inside.code);
            return Ok(());
        }
        other => return fault(span(other), "expected \"a text\", (an expression) or [an Option] after ="),
    }
    code.text("\"");
    Ok(())
}

fn control(tokens: &mut Tokens, at: &Punct, code: &mut Code) -> Result<(), Fault> {
    let Some(TokenTree::Ident(word)) = tokens.next() else {
        return fault(at.span(), "expected @if, @for or @match");
    };
    code.flush();
    match word.to_string().as_str() {
        "if" => condition(word, tokens, code),
        "for" => {
            code.code.extend([TokenTree::Ident(word)]);
            head_and_block(tokens, code)
        }
        "match" => {
            code.code.extend([TokenTree::Ident(word.clone())]);
            let body = head(tokens, code, word.span())?;
            let mut arms = Code::default();
            let mut body = body.stream().into_iter().peekable();
            while body.peek().is_some() {
                arm(&mut body, &mut arms)?;
            }
            code.group(Delimiter::Brace, arms.code);
            Ok(())
        }
        _ => fault(word.span(), "expected @if, @for or @match"),
    }
}

fn condition(word: Ident, tokens: &mut Tokens, code: &mut Code) -> Result<(), Fault> {
    code.code.extend([TokenTree::Ident(word)]);
    head_and_block(tokens, code)?;
    // `@else`, and nothing else that begins so.
    let mut ahead = tokens.clone();
    let is_else = is_punct(ahead.next().as_ref(), '@')
        && matches!(ahead.next(), Some(TokenTree::Ident(word)) if word.to_string() == "else");
    if !is_else {
        return Ok(());
    }
    tokens.next();
    code.code.extend(tokens.next());
    if let Some(TokenTree::Ident(word)) = tokens.peek().cloned()
        && word.to_string() == "if"
    {
        tokens.next();
        return condition(word, tokens, code);
    }
    head_and_block(tokens, code)
}

/// Tokens up to the block, which is markup.
fn head_and_block(tokens: &mut Tokens, code: &mut Code) -> Result<(), Fault> {
    let block = head(tokens, code, Span::call_site())?;
    let inside = inside(block.stream())?;
    code.group(Delimiter::Brace, inside);
    Ok(())
}

fn head(tokens: &mut Tokens, code: &mut Code, span: Span) -> Result<Group, Fault> {
    for token in tokens.by_ref() {
        match token {
            TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => return Ok(group),
            other => code.code.extend([other]),
        }
    }
    fault(span, "its { block } is missing")
}

fn arm(tokens: &mut Tokens, code: &mut Code) -> Result<(), Fault> {
    loop {
        match tokens.next() {
            Some(TokenTree::Punct(equals))
                if equals.as_char() == '=' && equals.spacing() == Spacing::Joint =>
            {
                code.code.extend([TokenTree::Punct(equals)]);
                let next = tokens.next();
                let is_arrow = is_punct(next.as_ref(), '>');
                code.code.extend(next);
                if is_arrow {
                    break;
                }
            }
            Some(token) => code.code.extend([token]),
            None => return fault(Span::call_site(), "a pattern without =>"),
        }
    }
    let mut inside = Code::default();
    match tokens.peek() {
        Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace => {
            let group = group.clone();
            tokens.next();
            nodes(&mut group.stream().into_iter().peekable(), &mut inside)?;
        }
        _ => {
            while tokens.peek().is_some() && !is_punct(tokens.peek(), ',') {
                node(tokens, &mut inside)?;
            }
        }
    }
    if is_punct(tokens.peek(), ',') {
        tokens.next();
    }
    inside.flush();
    code.group(Delimiter::Brace, inside.code);
    Ok(())
}

fn inside(stream: TokenStream) -> Result<TokenStream, Fault> {
    let mut code = Code::default();
    nodes(&mut stream.into_iter().peekable(), &mut code)?;
    code.flush();
    Ok(code.code)
}

/// A name with dashes in it, of which the first part has been read.
fn dashed(first: &Ident, tokens: &mut Tokens) -> String {
    let mut name = first.to_string();
    while is_punct(tokens.peek(), '-') {
        let mut ahead = tokens.clone();
        ahead.next();
        let Some(TokenTree::Ident(part)) = ahead.next() else { break };
        name.push('-');
        name.push_str(&part.to_string());
        tokens.next();
        tokens.next();
    }
    name
}

fn is_punct(token: Option<&TokenTree>, wanted: char) -> bool {
    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == wanted)
}

fn span(token: Option<TokenTree>) -> Span {
    token.map_or_else(Span::call_site, |token| token.span())
}

fn fault<T>(span: Span, text: &'static str) -> Result<T, Fault> {
    Err(Fault { span, text })
}
