//! What a miner's owner wishes, written into the password because nothing else is read
//! there: `x`, `d=1024`, `diff=0.001,class=antminer2`, `th=95`.

use crate::firmware::CoinbaseClass;
use work::{Difficulty, HashRate};

/// The wishes in a password. What is no wish is a password, and nobody looks at it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Wishes {
    /// `d=`, `diff=`, `difficulty=`, `sd=`: start here, and never go below.
    pub difficulty: Option<Difficulty>,
    /// `th=`: what the device hashes, in TH/s.
    pub hash_rate: Option<HashRate>,
    /// `class=`: how large a coinbase it takes.
    pub class: Option<CoinbaseClass>,
}

impl Wishes {
    /// Reads a password.
    pub fn of(password: &str) -> Wishes {
        let mut wishes = Wishes::default();
        let words = password.split([',', ';', '&', '|']);
        for (key, value) in words.filter_map(|word| word.split_once('=')) {
            let key = key.split_whitespace().next_back().unwrap_or_default().to_ascii_lowercase();
            let value = value.split_whitespace().next().unwrap_or_default();
            let number = value.parse().ok().filter(|number: &f64| number.is_finite() && *number > 0.0);
            match key.as_str() {
                "d" | "diff" | "difficulty" | "sd" | "mind" => {
                    wishes.difficulty = number.map(Difficulty).or(wishes.difficulty);
                }
                "th" => wishes.hash_rate = number.map(|th| HashRate(th * 1e12)).or(wishes.hash_rate),
                "class" => wishes.class = CoinbaseClass::by_name(value).or(wishes.class),
                _ => {}
            }
        }
        wishes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wishes_are_found_among_passwords() {
        let difficulty = |password| Wishes::of(password).difficulty.map(|difficulty| difficulty.0);
        assert_eq!(difficulty("d=1024"), Some(1024.0));
        assert_eq!(difficulty("x,Diff=0.001"), Some(0.001));
        assert_eq!(difficulty("secret; d = 65536 "), Some(65536.0));
        assert_eq!(difficulty("secret d=65536 x"), Some(65536.0));
        for none in ["x", "", "d=", "d=-1", "d=nan", "d=inf", "1024", "word=d"] {
            assert_eq!(Wishes::of(none), Wishes::default(), "{none}");
        }
        let both = Wishes::of("th=95,class=Antminer2");
        assert_eq!((both.hash_rate, both.class), (Some(HashRate(95e12)), Some(CoinbaseClass::Antminer2)));
    }
}
