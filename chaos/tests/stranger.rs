//! A routine of somebody else's is judged by what is current, and by whether it had a reason to give up.

use firedrill_chaos::campaign::case_seed;
use firedrill_chaos::property::Property;
use firedrill_chaos::stranger::{self, Findings, Routine, Task, drill};
use firedrill_core::object::{Reply, Request};

/// Asks for one page and never for another thing.
struct Lazy {
    task: Task,
    verdict: Result<(), String>,
    asks_again: bool,
}

impl Routine for Lazy {
    fn start(&mut self) -> Vec<Request> {
        vec![self.task.list(None)]
    }

    fn answered(&mut self, request: &Request, _reply: Reply) -> Vec<Request> {
        match self.asks_again {
            true => vec![request.clone()],
            false => Vec::new(),
        }
    }

    fn verdict(&self) -> Result<(), String> {
        self.verdict.clone()
    }
}

fn findings(verdict: &Result<(), String>, asks_again: bool, cases: u64) -> Findings {
    let make = |task| Lazy {
        task,
        verdict: verdict.clone(),
        asks_again,
    };
    drill(make).seed(5).cases(cases).run()
}

fn properties(findings: &Findings) -> Vec<Property> {
    findings.found.iter().map(|found| found.property).collect()
}

#[test]
fn who_says_done_and_did_nothing_is_caught() {
    let findings = findings(&Ok(()), false, 200);
    assert_eq!(properties(&findings), [Property::A1]);
    let story = &findings.found[0];
    let text = findings.to_string();
    assert!(text.contains("it said that it was done"), "{}", text);
    assert_eq!(story.shrunk.to.operations, 1, "{text}");
    assert_eq!(story.shrunk.to.faults, 0, "{text}");
    assert!(!story.counterfactuals.is_empty());
    // It is still the task that it was: shrinking does not turn the folder into something else.
    assert!(stranger::is_of_a_folder(&story.shrunk.scenario));
}

#[test]
fn who_gives_up_without_a_reason_is_caught() {
    let findings = findings(&Err("no strength left".into()), false, 200);
    assert_eq!(properties(&findings), [Property::A1]);
    let text = findings.to_string();
    assert!(
        text.contains("it gave up, and nothing kept it from working: no strength left"),
        "{text}"
    );
}

#[test]
fn who_never_ends_is_caught() {
    let findings = findings(&Ok(()), true, 3);
    assert_eq!(properties(&findings), [Property::Finishes]);
}

#[test]
fn findings_do_not_depend_on_the_number_of_threads() {
    let make = |task| Lazy {
        task,
        verdict: Ok(()),
        asks_again: false,
    };
    let [one, four] = [1, 4].map(|jobs| drill(make).cases(150).jobs(jobs).run().to_string());
    assert_eq!(one, four);
    assert_ne!(one, drill(make).cases(150).seed(2).run().to_string());
}

#[test]
fn every_case_of_a_folder_is_one_and_amends_own_are_none() {
    for number in 0..300 {
        let case = case_seed(6, number);
        assert!(stranger::is_of_a_folder(&stranger::scenario(case)));
    }
    let of_tables =
        (0..300).map(|number| firedrill_chaos::generate::scenario(case_seed(6, number)));
    assert_eq!(of_tables.filter(stranger::is_of_a_folder).count(), 0);
}
