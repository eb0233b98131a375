//! What a hub's error statuses mean.

use super::HubName;

/// Why a hub refuses a model or a file, and what to do about it; starts in lower case, without a full stop.
///
/// `code` is the header `X-Error-Code` of the response, if any; `token` says whether a token was sent, `how` what a
/// user does to send one. Without a token, hubs answer 401 for missing models, as they could be private.
pub fn refusal(
    name: &HubName,
    endpoint: &str,
    status: u16,
    code: Option<&str>,
    token: bool,
    how: &str,
) -> String {
    let page = name.page(endpoint);
    match (status, code.unwrap_or_default()) {
        (_, "GatedRepo") if token => format!(
            "it is gated, and the owner of the token has not accepted its terms or is waiting to \
             be admitted (status {status}); see {page}"
        ),
        (_, "GatedRepo") => format!("it is gated (status {status}): accept its terms at {page}, and {how}"),
        (_, "RevisionNotFound") => {
            format!("it has no revision `{}` (status {status}); see {page}/commits", name.revision())
        }
        (_, "EntryNotFound") => format!("the model has no such file (status {status}); see {page}/tree/main"),
        (401 | 404, "" | "RepoNotFound") if token => {
            format!(
                "there is no such model, or the token's owner may not see it (status {status}); is {page} right?"
            )
        }
        (401 | 404, "" | "RepoNotFound") => format!(
            "there is no such model, or it is not public (status {status}); is {page} right? If it is private, {how}"
        ),
        (401 | 403, _) if token => {
            format!(
                "the token gives no access to it (status {status}); see {page}, and create another token if need be"
            )
        }
        (401 | 403, _) => format!("it is not public (status {status}); see {page}, and {how}"),
        (408 | 429, _) => {
            format!("too many requests to the hub (status {status}); wait a few minutes and try again")
        }
        (500.., _) => format!("the hub is out of order (status {status}); try again later"),
        _ => format!("the hub refuses it (status {status}); see {page}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hub::ENDPOINT;

    #[test]
    fn each_refusal_says_what_to_do() {
        let name: HubName = "a/b@v7".parse().unwrap();
        let said = |status, code, token| refusal(&name, ENDPOINT, status, code, token, "set HF_TOKEN");
        for (status, code, token, words) in [
            (
                401,
                Some("GatedRepo"),
                false,
                ["accept its terms at https://huggingface.co/a/b", "set HF_TOKEN"],
            ),
            (403, Some("GatedRepo"), true, ["the token has not accepted", "https://huggingface.co/a/b"]),
            (404, Some("RevisionNotFound"), false, ["no revision `v7`", "/commits"]),
            (404, Some("EntryNotFound"), false, ["no such file", "/tree/main"]),
            (401, Some("RepoNotFound"), false, ["no such model", "set HF_TOKEN"]),
            (404, None, true, ["no such model", "is https://huggingface.co/a/b right?"]),
            (403, None, false, ["not public", "set HF_TOKEN"]),
            (403, None, true, ["token gives no access", "another token"]),
            (429, None, false, ["too many requests", "wait"]),
            (503, None, false, ["out of order", "later"]),
            (418, None, false, ["refuses it", "418"]),
        ] {
            let said = said(status, code, token);
            assert!(words.iter().all(|word| said.contains(word)), "{said}");
            assert!(said.contains(&format!("status {status}")), "{said}");
        }
    }
}
