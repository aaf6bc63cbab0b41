//! The commands `man` and `completions`: what the definition of the command line says, as pages for `man` and as
//! scripts for shells. Nothing in them is written twice.

use std::io;

use clap::CommandFactory;
use clap_complete::Shell;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, roman};

use crate::args::Args;
use crate::output::{complain, say};

/// Wrong usage.
const USAGE: u8 = 2;

/// Prints the page of one command, or the one that names all of them; gives the exit status.
pub(crate) fn man(name: Option<&str>) -> u8 {
    let mut all = Args::command().disable_help_subcommand(true);
    all.build();
    let command = match name {
        None => Some(&all),
        Some(name) => all.find_subcommand(name),
    };
    let Some(command) = command else {
        let names: Vec<&str> = all.get_subcommands().map(clap::Command::get_name).collect();
        complain(&format!(
            "there is no such command; there are {}",
            names.join(", ")
        ));
        return USAGE;
    };
    let page = page(command).expect("writing into memory does not fail");
    say(&String::from_utf8_lossy(&page));
    0
}

/// The page of a command. Its examples and its exit statuses keep their lines, which the library would fill.
fn page(command: &clap::Command) -> io::Result<Vec<u8>> {
    let mut out = Vec::new();
    let source = concat!("firedrill ", env!("CARGO_PKG_VERSION"));
    let man = Man::new(command.clone()).source(source);
    man.render_title(&mut out)?;
    man.render_name_section(&mut out)?;
    man.render_synopsis_section(&mut out)?;
    man.render_description_section(&mut out)?;
    man.render_options_section(&mut out)?;
    if command.has_subcommands() {
        man.render_subcommands_section(&mut out)?;
    }
    if let Some(notes) = command.get_after_help() {
        let mut roff = Roff::new();
        roff.control("SH", ["NOTES"]).control("nf", []);
        for line in notes.to_string().lines() {
            roff.text([roman(line)]);
        }
        roff.control("fi", []);
        roff.to_writer(&mut out)?;
    }
    Ok(out)
}

/// Prints the script that makes a shell complete the command line; gives the exit status.
pub(crate) fn completions(shell: Shell) -> u8 {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Args::command(), "firedrill", &mut script);
    say(&String::from_utf8_lossy(&script));
    0
}
