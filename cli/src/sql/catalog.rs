//! The catalog: which table lies where, and how its bucket is reached.
//!
//! ```toml
//! endpoint-url = "http://127.0.0.1:9000"    # where a table says nothing else; region and profile likewise
//!
//! [tables.default.orders]                   # the database, and the table in it
//! location = "s3://lake/warehouse/9/16/"
//!
//! [tables.default.events]
//! location = "s3://cold/warehouse/9/17/"
//! endpoint-url = "https://storage.example"
//! ```
//!
//! What neither says comes from the environment and `~/.aws`, as for `amend`.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Deserializer, de::Error};

use crate::address::Address;
use crate::args;
use crate::connect::Bucket;

/// The whole file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Catalog {
    #[serde(default, deserialize_with = "endpoint_url")]
    endpoint_url: Option<String>,
    region: Option<String>,
    profile: Option<String>,
    #[serde(default)]
    tables: BTreeMap<String, BTreeMap<String, Table>>,
}

/// One table.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Table {
    #[serde(deserialize_with = "location")]
    pub(super) location: Address,
    #[serde(default, deserialize_with = "endpoint_url")]
    endpoint_url: Option<String>,
    region: Option<String>,
    profile: Option<String>,
}

impl Catalog {
    /// # Errors
    /// Why the file is none, with the place where that shows.
    pub(super) fn read(path: &Path) -> Result<Self, String> {
        let shown = path.display();
        let text = std::fs::read_to_string(path)
            .map_err(|error| format!("the catalog {shown} cannot be read ({error})"))?;
        toml::from_str(&text).map_err(|error| {
            let error = error.to_string();
            format!("{shown} is no catalog: {}", error.trim_end())
        })
    }

    /// The table of this name; case counts.
    pub(super) fn find(&self, database: &str, table: &str) -> Option<&Table> {
        self.tables.get(database)?.get(table)
    }

    /// The bucket of one of its tables.
    pub(super) fn bucket_of<'a>(&'a self, table: &'a Table) -> Bucket<'a> {
        let own_or =
            |own: &'a Option<String>, all: &'a Option<String>| own.as_deref().or(all.as_deref());
        Bucket {
            name: &table.location.bucket,
            endpoint_url: own_or(&table.endpoint_url, &self.endpoint_url),
            region: own_or(&table.region, &self.region),
            profile: own_or(&table.profile, &self.profile),
        }
    }

    /// Every `database.table`, in order.
    pub(super) fn names(&self) -> impl Iterator<Item = String> {
        let databases = self.tables.iter();
        databases.flat_map(|(database, tables)| {
            let names = tables.keys();
            names.map(move |table| format!("{database}.{table}"))
        })
    }
}

fn location<'de, D: Deserializer<'de>>(source: D) -> Result<Address, D::Error> {
    let address: Address = String::deserialize(source)?
        .parse()
        .map_err(D::Error::custom)?;
    address.of_table().map_err(D::Error::custom)?;
    Ok(address)
}

fn endpoint_url<'de, D: Deserializer<'de>>(source: D) -> Result<Option<String>, D::Error> {
    let url = String::deserialize(source)?;
    args::endpoint_url(&url).map(Some).map_err(D::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn catalog(text: &str) -> Result<Catalog, String> {
        toml::from_str(text).map_err(|error| error.to_string())
    }

    #[test]
    fn a_table_says_where_it_lies_or_the_catalog_does() {
        let catalog = catalog(
            r#"
            endpoint-url = "http://127.0.0.1:9000"
            region = "eu-west-1"
            [tables.default.orders]
            location = "s3://lake/9/16"
            [tables.default."odd name"]
            location = "s3://cold/9/17/"
            endpoint-url = "https://storage.example"
            profile = "ops"
            "#,
        )
        .expect("it is one");
        let bucket = |table| {
            let table = catalog.find("default", table).expect("it is there");
            let bucket = catalog.bucket_of(table);
            (
                bucket.name,
                bucket.endpoint_url,
                bucket.region,
                bucket.profile,
            )
        };
        let region = Some("eu-west-1");
        assert_eq!(
            bucket("orders"),
            ("lake", Some("http://127.0.0.1:9000"), region, None)
        );
        assert_eq!(
            bucket("odd name"),
            ("cold", Some("https://storage.example"), region, Some("ops"))
        );
        let orders = catalog.find("default", "orders").expect("it is there");
        assert_eq!(orders.location.prefix, "9/16/");
        let names: Vec<String> = catalog.names().collect();
        assert_eq!(names, ["default.odd name", "default.orders"]);
        for (database, table) in [("default", "Orders"), ("other", "orders")] {
            assert!(catalog.find(database, table).is_none());
        }
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        let here = "[tables.default.t]\nlocation = ";
        for (text, part) in [
            (format!("{here}\"lake/9/16\""), "does not begin with s3://"),
            (
                format!("{here}\"s3://lake/\""),
                "names a bucket and no table",
            ),
            (
                format!("{here}\"s3://b/t/\"\nendpoint = 1"),
                "unknown field `endpoint`",
            ),
            (
                format!("{here}\"s3://b/t/\"\nendpoint-url = \"x\""),
                "an endpoint begins with",
            ),
            (
                format!("{here}\"s3://b/t/\"\n{here}\"s3://b/u/\""),
                "duplicate key",
            ),
            (
                "[tables.default.t]\n".to_owned(),
                "missing field `location`",
            ),
            ("[table.t]\n".to_owned(), "unknown field `table`"),
        ] {
            let error = catalog(&text).expect_err(&text);
            assert!(error.contains(part), "{error}");
            assert!(error.contains("at line "), "{error}");
        }
    }
}
