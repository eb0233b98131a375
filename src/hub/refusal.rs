//! What a hub's refusals mean.

use super::HubName;

/// Why a hub does not give a model or a file, and what to do, in a sentence that begins in lower case.
///
/// `code` is the answer's header `X-Error-Code`, where it has one; `token` whether a token was sent, and `how` what a
/// person does to send one. Without a token hubs answer 401 for what is not there, as it may be private.
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
            "its owners give it to those alone who have accepted its terms, and the token's owner has not, or waits to \
             be let in (status {status}); see {page}"
        ),
        (_, "GatedRepo") => format!(
            "its owners give it to those alone who have accepted its terms (status {status}); accept them at {page}, \
             and {how}"
        ),
        (_, "RevisionNotFound") => format!(
            "it has no revision `{}` (status {status}); {page}/commits shows which there are",
            name.revision()
        ),
        (_, "EntryNotFound") => format!("the model has no such file (status {status}); see {page}/tree/main"),
        (401 | 404, "" | "RepoNotFound") if token => {
            format!(
                "there is no such model, or the token's owner may not see it (status {status}); is {page} right?"
            )
        }
        (401 | 404, "" | "RepoNotFound") => format!(
            "there is no such model, or it is not public (status {status}); is {page} right? If it is a private one, {how}"
        ),
        (401 | 403, _) if token => {
            format!(
                "the token does not open it (status {status}); see {page}, and make another token if need be"
            )
        }
        (401 | 403, _) => format!("it is not open to everyone (status {status}); see {page}, and {how}"),
        (408 | 429, _) => {
            format!("the hub is asked too often (status {status}); wait some minutes and try again")
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
            (401, Some("GatedRepo"), false, ["accept them at https://huggingface.co/a/b", "set HF_TOKEN"]),
            (403, Some("GatedRepo"), true, ["the token's owner has not", "https://huggingface.co/a/b"]),
            (404, Some("RevisionNotFound"), false, ["no revision `v7`", "/commits"]),
            (404, Some("EntryNotFound"), false, ["no such file", "/tree/main"]),
            (401, Some("RepoNotFound"), false, ["no such model", "set HF_TOKEN"]),
            (404, None, true, ["no such model", "is https://huggingface.co/a/b right?"]),
            (403, None, false, ["not open to everyone", "set HF_TOKEN"]),
            (403, None, true, ["token does not open it", "another token"]),
            (429, None, false, ["asked too often", "wait"]),
            (503, None, false, ["out of order", "later"]),
            (418, None, false, ["refuses it", "418"]),
        ] {
            let said = said(status, code, token);
            assert!(words.iter().all(|word| said.contains(word)), "{said}");
            assert!(said.contains(&format!("status {status}")), "{said}");
        }
    }
}
