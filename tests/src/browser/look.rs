//! What a picture would show a person: colours too near to each other, and what does not fit.

use super::Tab;
use anyhow::Result;
use std::path::PathBuf;

/// Where photographs go: the folder that `PUNCHBOWL_SCREENSHOTS` names, or `target/screenshots`.
pub fn screenshots() -> PathBuf {
    let named = std::env::var_os("PUNCHBOWL_SCREENSHOTS").map(PathBuf::from);
    named.unwrap_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../target/screenshots")))
}

impl Tab<'_> {
    /// Elements that reach beyond the window.
    ///
    /// # Errors
    /// When the browser does not answer.
    pub async fn too_wide(&self) -> Result<String> {
        let script = "return [...document.querySelectorAll('body *')].filter((one) => one.getBoundingClientRect().right > innerWidth + 1)
            .slice(0, 8).map((one) => one.tagName + '.' + one.getAttribute('class') + '#' + one.id).join(' ');";
        Ok(self.run(script).await?.as_str().unwrap_or_default().to_owned())
    }

    /// Texts whose colour is too near to what is behind them for WCAG AA: 4.5 to 1, or 3 to 1
    /// where they are large.
    ///
    /// # Errors
    /// When the browser does not answer.
    pub async fn contrast_faults(&self) -> Result<Vec<String>> {
        let script = r"
            const canvas = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
            const rgba = (text) => {
                canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = text; canvas.fillRect(0, 0, 1, 1);
                return [...canvas.getImageData(0, 0, 1, 1).data];
            };
            const over = (top, under) => top.slice(0, 3).map((one, at) => one * top[3] / 255 + under[at] * (1 - top[3] / 255));
            const light = (color) => {
                const [r, g, b] = color.slice(0, 3).map((one) => { one /= 255; return one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4; });
                return 0.2126 * r + 0.7152 * g + 0.0722 * b;
            };
            const behind = (element) => {
                const chain = [];
                for (let one = element; one; one = one.parentElement) chain.push(rgba(getComputedStyle(one).backgroundColor));
                return chain.reverse().reduce((under, top) => over(top, under), [255, 255, 255]);
            };
            const faults = new Set();
            const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
            while (walker.nextNode()) {
                const element = walker.currentNode.parentElement;
                if (!walker.currentNode.textContent.trim() || element.closest('svg, noscript, script, .sr, .quiet, .feast')) continue;
                const style = getComputedStyle(element), size = parseFloat(style.fontSize);
                if (element.getClientRects().length === 0) continue;
                const ground = behind(element), ink = over(rgba(style.color), ground);
                const [one, other] = [light(ink), light(ground)].sort((a, b) => b - a);
                const ratio = (one + 0.05) / (other + 0.05);
                const large = size >= 24 || (size >= 18.66 && style.fontWeight >= 700);
                if (ratio < (large ? 3 : 4.5)) faults.add(`${walker.currentNode.textContent.trim().slice(0, 30)}: ${ratio.toFixed(2)}`);
            }
            return [...faults];";
        let faults = self.run(script).await?;
        let texts = faults.as_array().into_iter().flatten();
        Ok(texts.map(|fault| fault.as_str().unwrap_or_default().to_owned()).collect())
    }
}
