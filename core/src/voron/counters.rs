//! The counters of one group: for each name the value that each database has counted.
//!
//! ```text
//! {"@dbIds": [database id, …], "@names": {lower name: name}, "@vals": {lower name: blob or text}}
//! blob   n × (i64 value, i64 etag); pair i belongs to database i, missing ones are 0
//! text   the counter was deleted; the text is a change vector
//! ```
//!
//! Groups of 4.2 lack `@names`; there `@vals` has the names as they were given.
//!
//! Checked on groups of 4.2 to 7.2.

use super::blittable::{Blittable, Container, Value};
use super::json;
use super::unreadable::{Unreadable, array_at, damaged};

/// A group of counters, checked.
#[derive(Debug, Clone, Copy)]
pub struct Counters<'a> {
    data: Blittable<'a>,
    values: Container<'a>,
    names: Option<Container<'a>>,
}

/// One counter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counter<'a> {
    /// The name as it was given.
    pub name: &'a str,
    /// What it holds.
    pub state: CounterState<'a>,
}

/// What a counter holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CounterState<'a> {
    /// What each database has counted.
    Values(Vec<CounterValue<'a>>),
    /// It was deleted; the change vector says when.
    Deleted(&'a str),
}

/// What one database has counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CounterValue<'a> {
    /// The database, in 22 characters of base64.
    pub database_id: &'a str,
    /// Its part of the counter.
    pub value: i64,
    /// When it counted last.
    pub etag: i64,
}

const PAIR_BYTES: usize = 16;

impl<'a> Counters<'a> {
    /// Reads a group and checks every counter in it.
    pub fn read(data: Blittable<'a>) -> Result<Self, Unreadable> {
        let Some(root) = data.object() else {
            return damaged("a group of counters that is no object", 0);
        };
        let Some(values) = root.object("@vals") else {
            return damaged("a group of counters without values", 0);
        };
        let names = root.object("@names");
        let counters = Self {
            data,
            values,
            names,
        };
        counters.counters()?;
        Ok(counters)
    }

    /// The counters in the order of their lower names.
    pub fn counters(&self) -> Result<Vec<Counter<'a>>, Unreadable> {
        let databases = self.database_ids()?;
        let read = |member: Result<super::blittable::Member<'a>, Unreadable>| {
            let member = member?;
            let lower = member.name()?.text;
            let name = self.names.and_then(|names| names.text(lower));
            let state = match member.node.value()? {
                Value::Raw(bytes) => CounterState::Values(pairs(bytes, &databases)?),
                Value::String(change_vector) => CounterState::Deleted(change_vector.text),
                _ => return damaged("a counter that is neither values nor a deletion", 0),
            };
            Ok(Counter {
                name: name.unwrap_or(lower),
                state,
            })
        };
        self.values.members().map(read).collect()
    }

    fn database_ids(&self) -> Result<Vec<&'a str>, Unreadable> {
        let list = self.data.object().and_then(|root| root.get("@dbIds"));
        let Some(Value::Array(list)) = list else {
            return damaged("a group of counters without databases", 0);
        };
        let read =
            |item: Result<super::blittable::Member<'a>, Unreadable>| match item?.node.value()? {
                Value::String(id) => Ok(id.text),
                _ => damaged("a database id that is no text", 0),
            };
        list.members().map(read).collect()
    }

    /// Appends the group as a dump has it: blobs as flat lists of values and etags, in the order of names.
    pub fn write_json(&self, out: &mut Vec<u8>) -> Result<(), Unreadable> {
        let Some(root) = self.data.object() else {
            return damaged("a group of counters that is no object", 0);
        };
        let mut writer = json::Writer::new(&self.data);
        let mut separator = b'{';
        for member in root.written_order()? {
            out.push(separator);
            separator = b',';
            let order = match member.name()?.text {
                "@vals" => json::Order::Names,
                _ => json::Order::Written,
            };
            writer.member(&member, order, out)?;
        }
        out.push(b'}');
        Ok(())
    }
}

impl Counter<'_> {
    /// The sum over all databases; none if the counter was deleted.
    pub fn total(&self) -> Option<i64> {
        match &self.state {
            CounterState::Values(values) => {
                let sum = values.iter().map(|part| part.value);
                Some(sum.fold(0, i64::wrapping_add))
            }
            CounterState::Deleted(_) => None,
        }
    }
}

fn pairs<'a>(bytes: &[u8], databases: &[&'a str]) -> Result<Vec<CounterValue<'a>>, Unreadable> {
    if !bytes.len().is_multiple_of(PAIR_BYTES) || bytes.len() / PAIR_BYTES > databases.len() {
        return damaged("a counter whose values do not fit its databases", 0);
    }
    let pair = |(index, database_id): (usize, &&'a str)| {
        let at = index * PAIR_BYTES;
        Ok(CounterValue {
            database_id,
            value: i64::from_le_bytes(array_at(bytes, at)?),
            etag: i64::from_le_bytes(array_at(bytes, at + 8)?),
        })
    };
    let count = bytes.len() / PAIR_BYTES;
    databases.iter().take(count).enumerate().map(pair).collect()
}
