//! Addresses of models that are not bundles yet: `hub:owner/name@revision:q4`, `files:name~hash:q4`.

use std::fmt;

use crate::{
    Error, Result,
    bundle::Quantization,
    hub::{ENDPOINT, HubName},
};

/// The default quantization.
pub const DEFAULT: Quantization = Quantization::Q8;

/// A model to import: where it comes from, and how its weights are quantized.
#[derive(Debug, Clone, PartialEq)]
pub struct Address {
    pub from: From,
    pub quantization: Quantization,
}

/// Where a model comes from.
#[derive(Debug, Clone, PartialEq)]
pub enum From {
    /// A hub: the model's name there, and the hub's URL.
    Hub { name: HubName, endpoint: String },
    /// The user's files: the folder's name, and the first letters of a hash that distinguishes them from others.
    Files { name: String, hash: String },
}

impl Address {
    /// Parses an address; `None` for that of a bundle.
    ///
    /// # Errors
    /// [`Error::Input`] saying what is wrong.
    pub fn parse(address: &str) -> Result<Option<Self>> {
        let (scheme, rest) = address.split_once(':').unwrap_or_default();
        match scheme {
            "hub" => {
                let (rest, endpoint) = rest.split_once('#').unwrap_or((rest, ENDPOINT));
                let (name, quantization) = split_quantization(rest)?;
                if !["https://", "http://"].iter().any(|scheme| endpoint.starts_with(scheme)) {
                    return Err(Error::Input(format!(
                        "{endpoint} is not a hub’s address; it has to start with https://"
                    )));
                }
                let name = HubName::parse(name, endpoint)?;
                let endpoint = endpoint.trim_end_matches('/').into();
                Ok(Some(Self { from: From::Hub { name, endpoint }, quantization }))
            }
            "files" => {
                let (name, quantization) = split_quantization(rest)?;
                let (name, hash) = name.rsplit_once('~').unwrap_or((name, ""));
                let from = From::Files { name: name.into(), hash: hash.into() };
                Ok(Some(Self { from, quantization }))
            }
            _ => Ok(None),
        }
    }

    /// The same model in another quantization.
    pub fn quantized(&self, quantization: Quantization) -> Self {
        Self { quantization, ..self.clone() }
    }
}

/// Splits off the quantization.
fn split_quantization(text: &str) -> Result<(&str, Quantization)> {
    match text.rsplit_once(':') {
        // The URL of the hub's page has a colon itself.
        Some((name, word)) if !word.starts_with("//") => Ok((name, word.parse()?)),
        _ => Ok((text, DEFAULT)),
    }
}

impl fmt::Display for From {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Hub { name, .. } => write!(f, "hub:{name}"),
            Self::Files { name, hash } => write!(f, "files:{name}~{hash}"),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{}", self.from)?;
        if self.quantization != DEFAULT {
            write!(f, ":{}", self.quantization)?;
        }
        match &self.from {
            From::Hub { endpoint, .. } if endpoint != ENDPOINT => write!(f, "#{endpoint}"),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_they_are_written() {
        for text in [
            "hub:a/b",
            "hub:a/b@v1",
            "hub:a/b@refs/pr/3:q4",
            "hub:gpt2:f16",
            "hub:a/b:q4#http://127.0.0.1:8099",
            "hub:a/b@main#https://hub.example",
            "files:model~0123abcd",
            "files:model~0123abcd:f16",
        ] {
            let address = Address::parse(text).unwrap().unwrap();
            assert_eq!(address.to_string(), text);
            assert_eq!(
                Address::parse(&address.quantized(DEFAULT).to_string()).unwrap().unwrap().from,
                address.from
            );
        }
        let page = Address::parse("hub:https://huggingface.co/a/b").unwrap().unwrap();
        assert_eq!(page.to_string(), "hub:a/b");
        for bundle in ["model/", "https://example.org/model/", "http://127.0.0.1:1/m/", ""] {
            assert_eq!(Address::parse(bundle).unwrap(), None, "{bundle}");
        }
    }

    #[test]
    fn invalid_addresses_are_refused() {
        for (text, why) in [
            ("hub:a/b:q3", "`q3`"),
            ("hub:../b", "`..`"),
            ("hub:", "missing"),
            ("hub:a/b#javascript:1", "https://"),
            ("hub:a/b#ftp://x", "https://"),
        ] {
            let problem = Address::parse(text).unwrap_err().to_string();
            assert!(problem.contains(why), "{text}: {problem}");
        }
    }
}
