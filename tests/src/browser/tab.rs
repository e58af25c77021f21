//! One tab: pages are opened in it, looked at and photographed.

use super::Browser;
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// A tab.
pub struct Tab<'a> {
    browser: &'a Browser,
}

/// What came of opening a page.
#[derive(Clone, Debug, Default)]
pub struct Visit {
    /// What it complained of: errors of scripts, of the content security policy, of loading.
    pub complaints: Vec<String>,
    /// Every address that was asked for.
    pub requests: Vec<String>,
    /// Bytes that came over the wire for the page and what belongs to it.
    pub bytes: u64,
}

impl<'a> Tab<'a> {
    pub(super) fn of(browser: &'a Browser) -> Tab<'a> {
        Tab { browser }
    }

    /// Opens `address` and waits until it is loaded.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub async fn open(&self, address: &str) -> Result<Visit> {
        self.logs().await?; // those of the page before
        self.browser.command("POST", "url", &json!({"url": address})).await?;
        let mut visit = self.logs().await?;
        let bytes = self
            .run(
                "const all = [...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')];
                 return all.reduce((sum, one) => sum + (one.transferSize || 0), 0);",
            )
            .await?;
        visit.bytes = bytes.as_f64().unwrap_or_default() as u64;
        Ok(visit)
    }

    /// Milliseconds from the question for the page to its first paint, once that has come.
    ///
    /// # Errors
    /// When nothing is painted.
    pub async fn first_paint(&self) -> Result<f64> {
        let script = "const done = arguments[0];
                      const look = () => {
                        const paint = performance.getEntriesByName('first-paint')[0];
                        if (paint) done(paint.startTime); else requestAnimationFrame(look);
                      };
                      look();";
        self.run_async(script, &[]).await?.as_f64().context("no first paint")
    }

    /// What has been asked for and complained of since the last look.
    ///
    /// # Errors
    /// When the browser does not answer.
    pub async fn logs(&self) -> Result<Visit> {
        let mut visit = Visit::default();
        let console = self.browser.command("POST", "se/log", &json!({"type": "browser"})).await?;
        for entry in console.as_array().into_iter().flatten() {
            let message = entry["message"].as_str().unwrap_or_default();
            if matches!(entry["level"].as_str(), Some("SEVERE" | "WARNING")) {
                visit.complaints.push(message.to_owned());
            }
        }
        let performance = self.browser.command("POST", "se/log", &json!({"type": "performance"})).await?;
        for entry in performance.as_array().into_iter().flatten() {
            let text = entry["message"].as_str().unwrap_or_default();
            let event: Value = serde_json::from_str(text).unwrap_or_default();
            if event["message"]["method"] == "Network.requestWillBeSent" {
                let url = event["message"]["params"]["request"]["url"].as_str().unwrap_or_default();
                visit.requests.push(url.to_owned());
            }
        }
        Ok(visit)
    }

    /// Runs the body of a function in the page and returns what it returns.
    ///
    /// # Errors
    /// When it throws.
    pub async fn run(&self, script: &str) -> Result<Value> {
        self.browser.command("POST", "execute/sync", &json!({"script": script, "args": []})).await
    }

    /// Runs the body of an asynchronous function, with `arguments` as `arguments`.
    ///
    /// # Errors
    /// When it throws or does not call its last argument.
    pub async fn run_async(&self, script: &str, arguments: &[Value]) -> Result<Value> {
        self.browser.command("POST", "execute/async", &json!({"script": script, "args": arguments})).await
    }

    /// Waits until `condition`, an expression, is true in the page; as long as several blocks
    /// take, which come by chance.
    ///
    /// # Errors
    /// When that never happens.
    pub async fn wait_for(&self, condition: &str) -> Result<()> {
        const LOOKS: usize = 8;
        let script = format!(
            "const done = arguments[0];
             const look = () => {{ if ({condition}) {{ watch.disconnect(); done(true); }} }};
             const watch = new MutationObserver(look);
             watch.observe(document, {{childList: true, subtree: true, attributes: true, characterData: true}});
             setTimeout(() => done(false), 30000);
             look();"
        );
        self.browser.command("POST", "timeouts", &json!({"script": 60_000})).await?;
        for _ in 0..LOOKS {
            match self.run_async(&script, &[]).await {
                Ok(Value::Bool(true)) => return Ok(()),
                Ok(_) => {}
                // Another page has come: it is looked at next.
                Err(error) if format!("{error:#}").contains("document unloaded") => {}
                Err(error) => return Err(error),
            }
        }
        let page = self.text().await.unwrap_or_default();
        anyhow::bail!("waited in vain for {condition}; the page says: {page:.1500}")
    }

    /// The text of the page.
    ///
    /// # Errors
    /// When the browser does not answer.
    pub async fn text(&self) -> Result<String> {
        let text = self.run("return document.body.innerText;").await?;
        Ok(text.as_str().unwrap_or_default().to_owned())
    }

    /// The page as HTML, also where scripts are off.
    ///
    /// # Errors
    /// When the browser does not answer.
    pub async fn source(&self) -> Result<String> {
        let document = self.browser.devtools("DOM.getDocument", json!({"depth": 0})).await?;
        let root = json!({"nodeId": document["root"]["nodeId"]});
        let html = self.browser.devtools("DOM.getOuterHTML", root).await?;
        Ok(html["outerHTML"].as_str().unwrap_or_default().to_owned())
    }

    /// Makes the window so large; on a phone it is touched, and tells pages so.
    ///
    /// # Errors
    /// When the browser does not answer.
    pub async fn resize(&self, width: u32, height: u32, phone: bool) -> Result<()> {
        let size = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": phone});
        self.browser.devtools("Emulation.setDeviceMetricsOverride", size).await.map(drop)
    }

    /// Whether it is dark around.
    ///
    /// # Errors
    /// When the browser does not answer.
    pub async fn dark(&self, dark: bool) -> Result<()> {
        let scheme = if dark { "dark" } else { "light" };
        let features = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        self.browser.devtools("Emulation.setEmulatedMedia", features).await.map(drop)
    }

    /// Whether the scripts of pages run.
    ///
    /// # Errors
    /// When the browser does not answer.
    pub async fn scripts(&self, run: bool) -> Result<()> {
        self.browser.devtools("Emulation.setScriptExecutionDisabled", json!({"value": !run})).await.map(drop)
    }

    /// Photographs the whole page, or what is seen of it, into `folder`.
    ///
    /// # Errors
    /// When it cannot be written.
    pub async fn photograph(&self, folder: &Path, name: &str, whole: bool) -> Result<PathBuf> {
        let parameters = json!({"format": "webp", "quality": 80, "captureBeyondViewport": whole});
        let mut parameters = parameters;
        if whole {
            let metrics = self.browser.devtools("Page.getLayoutMetrics", json!({})).await?;
            let size = &metrics["cssContentSize"];
            parameters["clip"] =
                json!({"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1});
        }
        let picture = self.browser.devtools("Page.captureScreenshot", parameters).await?;
        let bytes = decoded(picture["data"].as_str().context("no picture")?)?;
        std::fs::create_dir_all(folder)?;
        let path = folder.join(format!("{name}.webp"));
        std::fs::write(&path, bytes)?;
        Ok(path)
    }

    /// What a camera sees of the element that `selector` finds: its pixels, true where dark,
    /// and how many stand in a row.
    ///
    /// # Errors
    /// When there is no such element.
    pub async fn pixels(&self, selector: &str) -> Result<(usize, Vec<bool>)> {
        let place = self
            .run(&format!(
                "const box = document.querySelector({selector:?}).getBoundingClientRect();
                 return [box.x + scrollX, box.y + scrollY, box.width, box.height];"
            ))
            .await?;
        let clip = json!({"x": place[0], "y": place[1], "width": place[2], "height": place[3], "scale": 2});
        let parameters = json!({"format": "png", "captureBeyondViewport": true, "clip": clip});
        let picture = self.browser.devtools("Page.captureScreenshot", parameters).await?;
        // A bare page reads the picture: the pool's own pages may load none but theirs.
        self.browser.command("POST", "url", &json!({"url": "about:blank"})).await?;
        let read = self
            .run_async(
                "const done = arguments[1], image = new Image();
                 image.onload = () => {
                   const canvas = document.createElement('canvas');
                   canvas.width = image.width; canvas.height = image.height;
                   const context = canvas.getContext('2d');
                   context.drawImage(image, 0, 0);
                   const data = context.getImageData(0, 0, image.width, image.height).data;
                   let text = '';
                   for (let at = 0; at < data.length; at += 4) text += data[at] + data[at + 1] + data[at + 2] < 384 ? '#' : ' ';
                   done([image.width, text]);
                 };
                 image.src = 'data:image/png;base64,' + arguments[0];",
                &[picture["data"].clone()],
            )
            .await?;
        let width = usize::try_from(read[0].as_u64().context("no width")?)?;
        let pixels: Vec<bool> =
            read[1].as_str().context("no pixels")?.chars().map(|pixel| pixel == '#').collect();
        ensure!(
            width > 0 && pixels.len().is_multiple_of(width),
            "{} pixels in rows of {width}",
            pixels.len()
        );
        Ok((width, pixels))
    }
}

/// From base64 (RFC 4648).
fn decoded(text: &str) -> Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let (mut bits, mut held) = (0u32, 0u32);
    for letter in text.bytes().filter(|letter| *letter != b'=') {
        let value = match letter {
            b'A'..=b'Z' => letter - b'A',
            b'a'..=b'z' => letter - b'a' + 26,
            b'0'..=b'9' => letter - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            other => anyhow::bail!("{other} is no letter of base64"),
        };
        bits = bits << 6 | u32::from(value);
        held += 6;
        if held >= 8 {
            held -= 8;
            bytes.push((bits >> held & 0xff) as u8);
        }
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_read() -> Result<()> {
        assert_eq!(decoded("UHVuY2hib3ds")?, b"Punchbowl");
        assert_eq!(decoded("/+8=")?, [0xff, 0xef]);
        assert!(decoded("!").is_err());
        Ok(())
    }
}
