//! The command `serve`: a versioned bucket in memory, and in a folder if asked for, for trying things out.

use std::path::Path;

use firedrill_s3_mock::http::{Builder, Clock as _, Data, Server, SystemClock, load};
use firedrill_s3_mock::{Bucket, Fault, FaultFile};

use crate::args::ServeArgs;
use crate::output::{complain, say};
use crate::signals::StopSignals;

/// Serves until a signal comes. Gives the exit status: 0 after a signal, 2 for arguments that cannot be
/// used (a folder among them), 3 when it cannot listen.
pub(crate) async fn serve(args: ServeArgs) -> u8 {
    let builder = match builder(&args) {
        Ok(builder) => builder,
        Err(sentence) => {
            complain(&sentence);
            return 2;
        }
    };
    let mut signals = match StopSignals::new() {
        Ok(signals) => signals,
        Err(error) => {
            complain(&format!("signals cannot be listened to ({error})"));
            return 3;
        }
    };
    match builder.start(args.listen).await {
        Ok(server) => {
            say(&announcement(&args, &server.endpoint()));
            signals.next().await;
            0
        }
        Err(error) => {
            complain(&format!(
                "{} cannot be listened on ({error}); give --listen another port, or port 0 for any free one",
                args.listen
            ));
            3
        }
    }
}

fn builder(args: &ServeArgs) -> Result<Builder, String> {
    let faults = args.faults.as_deref().map(read_faults).transpose()?;
    let mut builder = Server::builder()
        .clock(SystemClock)
        .faults(faults.unwrap_or_default());
    builder = match &args.data {
        Some(folder) => builder.data(kept(folder, args)?),
        None => builder.bucket_with(&args.bucket, fresh(args)?),
    };
    if let (Some(access_key), Some(secret_key)) = (&args.access_key, &args.secret_key) {
        builder = builder.key(access_key, secret_key);
    }
    Ok(builder)
}

/// A bucket that was not served before.
fn fresh(args: &ServeArgs) -> Result<Bucket, String> {
    match &args.seed_from {
        Some(folder) => load(folder, args.versioning.into()).map_err(|error| {
            format!("{error}; --seed-from takes a folder with versions.json and objects/")
        }),
        None => Ok(Bucket::new(args.versioning.into())),
    }
}

/// What the folder holds, and in it the bucket.
fn kept(folder: &Path, args: &ServeArgs) -> Result<Data, String> {
    let mut data = Data::open(folder).map_err(|error| error.to_string())?;
    if let Some(notice) = data.notice() {
        complain(notice);
    }
    if args.seed_from.is_some() && !data.is_empty() {
        return Err(format!(
            "{} is not empty, and --seed-from fills only an empty folder; leave --seed-from out to go on with what is there",
            folder.display()
        ));
    }
    if data.bucket(&args.bucket).is_none() {
        let inserted = data.insert(&args.bucket, fresh(args)?, SystemClock.now());
        inserted.map_err(|error| error.to_string())?;
    }
    Ok(data)
}

fn read_faults(path: &Path) -> Result<Vec<Fault>, String> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| format!("the faults in {} cannot be read ({error})", path.display()))?;
    let file: FaultFile = toml::from_str(&text)
        .map_err(|error| format!("{} does not describe faults: {error}", path.display()))?;
    Ok(file.faults)
}

/// What a person needs in order to use the server.
fn announcement(args: &ServeArgs, endpoint: &str) -> String {
    let (key, secret, note) = match (&args.access_key, &args.secret_key) {
        (Some(key), Some(secret)) => (key.as_str(), secret.as_str(), ""),
        _ => ("any", "any", " (any will do)"),
    };
    let bucket = &args.bucket;
    let place = match &args.data {
        Some(folder) => format!("It is kept in {}.", folder.display()),
        None => "It lives in memory.".to_owned(),
    };
    format!(
        "Serving the bucket {bucket} at {endpoint} until Ctrl-C. {place}
  access key  {key}{note}
  secret key  {secret}{note}
  region      us-east-1

  export AWS_ENDPOINT_URL={endpoint} AWS_ACCESS_KEY_ID={key} AWS_SECRET_ACCESS_KEY={secret} AWS_REGION=us-east-1
  aws s3 ls --recursive s3://{bucket}/
"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::{Args, Command};
    use clap::Parser;

    fn args(words: &[&str]) -> ServeArgs {
        let line = ["firedrill", "serve", "--bucket", "lake"].iter();
        match Args::try_parse_from(line.chain(words))
            .expect("a sound line")
            .command
        {
            Command::Serve(args) => args,
            _ => panic!("another command"),
        }
    }

    #[test]
    fn the_announcement_can_be_pasted_into_a_shell() {
        let keyed = args(&["--access-key", "k", "--secret-key", "s"]);
        let text = announcement(&keyed, "http://127.0.0.1:9000");
        assert!(text.contains("\n  export AWS_ENDPOINT_URL=http://127.0.0.1:9000 AWS_ACCESS_KEY_ID=k AWS_SECRET_ACCESS_KEY=s "));
        assert!(text.contains("s3://lake/"));
        assert!(!text.contains("any will do"));
        let open = announcement(&args(&[]), "http://127.0.0.1:9000");
        assert!(open.contains("AWS_ACCESS_KEY_ID=any"));
    }

    #[test]
    fn unusable_files_are_named() {
        let missing = builder(&args(&["--seed-from", "/nowhere/at/all"]));
        let error = missing.map(drop).expect_err("there is no such folder");
        assert!(error.contains("/nowhere/at/all"), "{error}");
        let missing = builder(&args(&["--faults", "/nowhere/faults.toml"]));
        let error = missing.map(drop).expect_err("there is no such file");
        assert!(error.contains("/nowhere/faults.toml"), "{error}");
    }
}
