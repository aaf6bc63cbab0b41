//! Salvages damaged copies of real databases, and prints a Markdown table of what came back.
//!
//! `FIREDRILL_DAMAGE` names a folder with `SAMPLE/KIND-SEED/` folders, each a damaged copy of the sample's
//! database, and among them `none-1`, which is whole; `FIREDRILL_SAMPLES` the folder of the samples. Without them
//! this test says that it was skipped. `core/tests/salvage/damage.sh` makes the copies. `FIREDRILL_DAMAGE_ONLY` picks copies whose name contains it. Beside each
//! copy a file `SAMPLE/KIND-SEED.txt` says which records are not as the export has them.

mod salvage {
    pub(crate) mod inputs;
    pub(crate) mod judge;
    #[allow(dead_code, reason = "other tests use the rest of it")]
    pub(crate) mod play;
}
#[allow(dead_code, reason = "other tests use the rest of it")]
mod voron_dump;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

use firedrill_core::salvage::record::Kind;
use salvage::inputs::{named, say};
use salvage::judge::{
    Compared, Dump, Line, Release, SECTIONS, Salvaged, compare, difference, told,
};
use salvage::play::{Played, play_folder};

#[test]
fn table() {
    let (Some(folder), Some(_)) = (named("FIREDRILL_DAMAGE"), named("FIREDRILL_SAMPLES")) else {
        say("skipped: FIREDRILL_DAMAGE and FIREDRILL_SAMPLES name no folders");
        return;
    };
    let vendor = vendor();
    for sample in folders(Path::new(&folder)) {
        let path = Path::new(&folder).join(&sample);
        if path.join("none-1").exists() {
            table_of(&sample, &path, &vendor);
        }
    }
}

fn folders(path: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(path).expect("a folder can be listed");
    let entries = entries.map(|entry| entry.expect("a folder can be listed"));
    let folders = entries.filter(|entry| entry.path().is_dir());
    let mut names: Vec<String> = folders
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

const HEADER: &str = "| damage | documents | bodies | stale | extra | equal, not live | only other versions | nothing | lost by id | by place | named in vain \
| attachments | revisions | counters | time series | conflicts | deleted ranges | extra of these | below | s |
|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|";

fn table_of(sample: &str, path: &Path, vendor: &BTreeMap<(String, String), Reach>) {
    let release = match sample.contains("-4.") {
        true => Release::R4,
        false => Release::R6,
    };
    let export = told(&voron_dump::read(sample), release);
    let whole = Salvaged::read(&play_folder(&path.join("none-1")), release);
    say(&format!("\n## {sample}\n\n{HEADER}"));
    let only = named("FIREDRILL_DAMAGE_ONLY").unwrap_or_default();
    for copy in folders(path) {
        if !format!("{sample}/{copy}").contains(&only) {
            continue;
        }
        #[allow(clippy::disallowed_methods, reason = "a test says how long it took")]
        let began = std::time::Instant::now();
        let played = play_folder(&path.join(&copy));
        let seconds = began.elapsed().as_secs_f64();
        let salvaged = Salvaged::read(&played, release);
        let seen = Seen::new(&export, &whole, &salvaged, &played);
        let reach = vendor.get(&(sample.to_owned(), copy.replace('-', " ")));
        let reach = reach.or_else(|| {
            let (kind, seed) = copy.rsplit_once('-')?;
            vendor.get(&(sample.to_owned(), format!("{kind} {seed}")))
        });
        say(&seen.row(&copy, reach, seconds));
        #[allow(clippy::disallowed_methods, reason = "a test writes what it found")]
        std::fs::write(
            path.join(format!("{copy}.txt")),
            seen.details(&salvaged, &played),
        )
        .expect("the folder can be written");
    }
}

/// What the vendor's tool finds, and what is within reach: `vendor-tool.md` of the samples.
#[derive(Debug, Clone, Default)]
struct Reach {
    /// In the order of [`SECTIONS`], without deleted ranges.
    vendor: [usize; 6],
    documents: usize,
    attachments: usize,
}

fn vendor() -> BTreeMap<(String, String), Reach> {
    let folder = named("FIREDRILL_SAMPLES").unwrap_or_default();
    #[allow(
        clippy::disallowed_methods,
        reason = "a test reads its samples from disk"
    )]
    let text = std::fs::read_to_string(format!("{folder}/voron/vendor-tool.md"));
    let mut all = BTreeMap::new();
    let mut sample = String::new();
    for line in text.unwrap_or_default().lines() {
        if let Some(title) = line.strip_prefix("## ") {
            sample = title
                .split([',', ':'])
                .next()
                .unwrap_or_default()
                .to_owned();
        }
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let number = |at: usize| cells.get(at).and_then(|cell| cell.parse().ok());
        let within = cells.get(10).and_then(|cell| cell.split_once(", "));
        let (Some(documents), Some(within)) = (number(2), within) else {
            continue;
        };
        let of = |at| number(at).unwrap_or_default();
        let reach = Reach {
            vendor: [documents, of(5), of(6), of(7), of(8), of(9)],
            documents: within.0.parse().unwrap_or_default(),
            attachments: within.1.parse().unwrap_or_default(),
        };
        all.insert((sample.clone(), cells[1].to_owned()), reach);
    }
    all
}

/// One copy, looked at.
struct Seen {
    compared: Vec<Compared>,
    /// Documents that are not live as the export has them.
    missing: Vec<String>,
    other_versions: usize,
    nothing: usize,
    by_id: usize,
    by_place: usize,
    in_vain: Vec<String>,
}

impl Seen {
    fn new(export: &Dump, whole: &Salvaged, salvaged: &Salvaged, played: &Played) -> Self {
        let compared: Vec<Compared> = SECTIONS
            .iter()
            .map(|section| compare(section, export, salvaged))
            .collect();
        let missing: Vec<String> = compared[0]
            .missing
            .iter()
            .map(|told| told.key.clone())
            .collect();
        let at_home: BTreeMap<&str, &Line> = whole
            .lines
            .iter()
            .filter(|((kind, _), _)| kind == "document")
            .filter_map(|((_, key), lines)| {
                let live = lines.iter().find(|line| line.class == "live")?;
                Some((key.as_str(), live))
            })
            .collect();
        let lost = played.report.lost.iter();
        let lost: Vec<_> = lost.filter(|lost| lost.kind == Kind::Document).collect();
        let ids: BTreeSet<&str> = lost.iter().filter_map(|lost| lost.key.as_deref()).collect();
        let etags: BTreeSet<u64> = lost.iter().filter_map(|lost| lost.etag).collect();
        let etag_of = |key: &str| at_home.get(key).map(|line| line.etag);
        let elsewhere: BTreeSet<&String> = compared[0].elsewhere.values().flatten().collect();
        let versions = |key: &&String| {
            let key = ("document".to_owned(), (*key).clone());
            salvaged.lines.contains_key(&key)
        };
        let gone: Vec<&String> = missing
            .iter()
            .filter(|key| !elsewhere.contains(key))
            .collect();
        let missing_etags: BTreeSet<u64> = missing.iter().filter_map(|key| etag_of(key)).collect();
        let missing_keys: BTreeSet<&str> = missing.iter().map(String::as_str).collect();
        let in_vain = lost.iter().filter(|lost| {
            let by_key = lost
                .key
                .as_deref()
                .is_some_and(|key| missing_keys.contains(key));
            let by_etag = lost.etag.is_some_and(|etag| missing_etags.contains(&etag));
            !by_key && !by_etag
        });
        Self {
            other_versions: gone.iter().filter(|key| versions(key)).count(),
            nothing: gone.iter().filter(|key| !versions(key)).count(),
            by_id: missing
                .iter()
                .filter(|key| ids.contains(key.as_str()))
                .count(),
            by_place: missing
                .iter()
                .filter(|key| etag_of(key).is_some_and(|etag| etags.contains(&etag)))
                .count(),
            in_vain: in_vain.map(|lost| format!("{lost:?}")).collect(),
            missing,
            compared,
        }
    }

    fn row(&self, copy: &str, reach: Option<&Reach>, seconds: f64) -> String {
        let documents = &self.compared[0];
        let elsewhere = elsewhere(documents);
        let mut row = format!(
            "| {copy} | {} of {} | {} | {} | {} | {elsewhere} | {} | {} | {} of {} | {} | {}",
            documents.equal,
            documents.expected,
            documents.equal_bodies,
            documents.stale_bodies,
            documents.extra.len(),
            self.other_versions,
            self.nothing,
            self.by_id,
            self.missing.len(),
            self.by_place,
            self.in_vain.len(),
        );
        for compared in &self.compared[1..] {
            write!(row, " | {}", compared.equal).expect("text takes text");
            if compared.expected != compared.equal {
                write!(row, "/{}", compared.expected).expect("text takes text");
                let elsewhere = self::elsewhere(compared);
                if !elsewhere.is_empty() {
                    write!(row, " (+ {elsewhere})").expect("text takes text");
                }
            }
        }
        let extra: Vec<String> = SECTIONS[1..]
            .iter()
            .zip(&self.compared[1..])
            .filter(|(_, compared)| compared.extra.len() + compared.stale.len() > 0)
            .map(|(section, compared)| {
                format!("{section} {}", compared.extra.len() + compared.stale.len())
            })
            .collect();
        let below = reach.map(|reach| self.below(reach)).unwrap_or_default();
        write!(row, " | {} | {below} | {seconds:.1} |", extra.join(", ")).expect("text takes text");
        row
    }

    /// What is less than the vendor's tool finds, or than is within reach.
    fn below(&self, reach: &Reach) -> String {
        let mut below = Vec::new();
        for (nth, vendor) in reach.vendor.iter().enumerate() {
            if self.compared[nth].equal_bodies < *vendor {
                below.push(format!("vendor {} {vendor}", SECTIONS[nth]));
            }
        }
        if self.compared[0].equal_bodies < reach.documents {
            below.push(format!("reach Docs {}", reach.documents));
        }
        if self.compared[1].equal < reach.attachments {
            below.push(format!("reach Attachments {}", reach.attachments));
        }
        below.join(", ")
    }

    fn details(&self, salvaged: &Salvaged, played: &Played) -> String {
        let mut text = String::new();
        for (section, compared) in SECTIONS.iter().zip(&self.compared) {
            let lists = [
                ("stale", &compared.stale),
                ("extra", &compared.extra),
                ("missing", &compared.missing),
            ];
            for (what, list) in lists {
                for told in list {
                    writeln!(text, "{section} {what} {}", told.key).expect("text takes text");
                    if what == "stale"
                        && let Some(own) = compared.missing.iter().find(|own| own.key == told.key)
                    {
                        let apart = difference(&told.text, &own.text);
                        writeln!(text, "    {apart}").expect("text takes text");
                    }
                    details_of(section, &told.key, salvaged, &mut text);
                }
            }
            for (class, keys) in &compared.elsewhere {
                writeln!(text, "{section} equal in {class}: {keys:?}").expect("text takes text");
            }
        }
        for lost in &self.in_vain {
            writeln!(text, "in vain {lost}").expect("text takes text");
        }
        for lost in &played.report.lost {
            writeln!(text, "lost {lost:?}").expect("text takes text");
        }
        for place in &played.report.over_budget {
            writeln!(text, "over budget {place:?}").expect("text takes text");
        }
        for file in &played.report.files {
            writeln!(text, "{} {:?}", file.name, file.bytes).expect("text takes text");
        }
        writeln!(text, "{:?}", played.report.counts).expect("text takes text");
        text
    }
}

fn elsewhere(compared: &Compared) -> String {
    let classes = compared.elsewhere.iter();
    let classes: Vec<String> = classes
        .map(|(class, keys)| format!("{} {class}", keys.len()))
        .collect();
    classes.join(", ")
}

fn details_of(section: &str, key: &str, salvaged: &Salvaged, text: &mut String) {
    if section != "Docs" {
        return;
    }
    let kinds = ["document", "tombstone"];
    for kind in kinds {
        let lines = salvaged.lines.get(&(kind.to_owned(), key.to_owned()));
        for line in lines.into_iter().flatten() {
            writeln!(text, "    {} page {} {}", line.class, line.page, line.text)
                .expect("text takes text");
        }
    }
}
