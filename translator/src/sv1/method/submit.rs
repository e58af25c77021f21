//! `mining.submit`: a share.

use crate::sv1::quantity::{JobId, Nonce, Ntime, VersionBits};
use crate::sv1::request::Params;

/// A share as it was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Submit<'a> {
    /// Who the miner says it is; rarely what it authorised as, where names are cut.
    pub name: &'a str,
    /// The job.
    pub job: JobId,
    /// The rolled part of the extranonce, hexadecimal; its size is the session's to check.
    pub extranonce2: &'a str,
    /// The header's time.
    pub ntime: Ntime,
    /// The nonce.
    pub nonce: Nonce,
    /// The rolled bits of the version (BIP310), where there are any.
    pub version_bits: Option<VersionBits>,
}

impl<'a> Submit<'a> {
    /// # Errors
    /// What is missing or cannot be read, in words.
    pub fn read(params: Params<'a>) -> Result<Submit<'a>, &'static str> {
        let job = params.text(1, &["job_id", "job"]).ok_or("the share names no job")?;
        let extranonce2 = params.text(2, &["extranonce2"]).ok_or("the share has no extranonce2")?;
        let ntime = params.text(3, &["ntime"]).ok_or("the share has no ntime")?;
        let nonce = params.text(4, &["nonce"]).ok_or("the share has no nonce")?;
        let bits = params.text(5, &["version_bits", "version"]).map(VersionBits::parse).transpose();
        Ok(Submit {
            name: params.text(0, &["username", "user", "worker"]).unwrap_or_default(),
            job: JobId::parse(job).map_err(|_| "the share's job id is none of this pool")?,
            extranonce2,
            ntime: Ntime::parse(ntime).map_err(|_| "the share's ntime is not 8 hexadecimal digits")?,
            nonce: Nonce::parse(nonce).map_err(|_| "the share's nonce is not 8 hexadecimal digits")?,
            version_bits: bits.map_err(|_| "the share's version bits are not 8 hexadecimal digits")?,
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::sv1::json::Json;
    use crate::sv1::request::request;

    fn read(params: &str) -> Result<(u32, u32, u32, Option<u32>), &'static str> {
        let line = format!(r#"{{"id":1,"method":"mining.submit","params":{params}}}"#);
        let json = Json::parse(line.as_bytes()).unwrap();
        let params = request(&json).unwrap().unwrap().params;
        let submit = Submit::read(params)?;
        Ok((submit.job.0, submit.ntime.0, submit.nonce.0, submit.version_bits.map(|bits| bits.0)))
    }

    #[test]
    fn shares_are_read_as_firmware_writes_them() {
        assert_eq!(read(r#"["a.b","1f","00","65000000","0000002a"]"#), Ok((0x1f, 0x6500_0000, 42, None)));
        // NerdMiner: no leading zeros. cpuminer-opt: version bits with 0x.
        assert_eq!(
            read(r#"["a","1","00","65000000","2a","0x00002000"]"#),
            Ok((1, 0x6500_0000, 42, Some(0x2000)))
        );
        // Numbers instead of strings are hexadecimal all the same.
        assert_eq!(read(r#"["a",1,"00",65000000,42,null]"#), Ok((1, 0x6500_0000, 0x42, None)));
    }

    #[test]
    fn what_is_missing_is_said() {
        assert_eq!(read("[]"), Err("the share names no job"));
        assert_eq!(read(r#"["a","1","00","65000000"]"#), Err("the share has no nonce"));
        assert_eq!(read(r#"["a","zz","00","65000000","1"]"#), Err("the share's job id is none of this pool"));
        let bits = r#"["a","1","00","65000000","1","x"]"#;
        assert_eq!(read(bits), Err("the share's version bits are not 8 hexadecimal digits"));
    }
}
