//! Where the browser and its driver are.

use anyhow::{Context, Result};
use std::env;
use std::path::PathBuf;

/// The programs that make a browser.
pub struct Programs {
    /// Chromium.
    pub browser: PathBuf,
    /// chromedriver.
    pub driver: PathBuf,
}

impl Programs {
    /// `CHROMIUM` and `CHROMEDRIVER`, or those on the `PATH`.
    ///
    /// # Errors
    /// When one is missing; the message says which.
    pub fn find() -> Result<Programs> {
        let browser =
            named("CHROMIUM").or_else(|| on_path(&["chromium", "chromium-browser", "google-chrome"]));
        let driver = named("CHROMEDRIVER").or_else(|| on_path(&["chromedriver"]));
        Ok(Programs {
            browser: browser.context("no chromium on the PATH")?,
            driver: driver.context("no chromedriver on the PATH (on Debian: chromium-driver)")?,
        })
    }
}

fn named(variable: &str) -> Option<PathBuf> {
    env::var_os(variable).map(PathBuf::from)
}

fn on_path(names: &[&str]) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    let places = names.iter().flat_map(|name| env::split_paths(&path).map(move |folder| folder.join(name)));
    places.into_iter().find(|place| place.is_file())
}
