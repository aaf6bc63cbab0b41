//! The drill of salvage: its files.

use firedrill_chaos::salvage::generate;
use firedrill_chaos::salvage::scenario::Scenario;

#[test]
fn a_scenario_survives_its_file() {
    for case in 0..200 {
        let scenario = generate::scenario(case);
        let text = scenario.to_toml().expect("it is plain data");
        assert_eq!(Scenario::from_toml(&text).as_ref(), Ok(&scenario), "{text}");
    }
}
