use std::fmt::Write as _;

use proptest::prelude::*;

use super::super::{Step, StepKey};
use super::*;

/// Writes a runbook down as one line a phase and a step: label, sub-steps, marks.
fn outline(text: &str) -> String {
    let runbook = parse_runbook(text, "file.md");
    let mut out = String::new();
    for phase in &runbook.phases {
        let name = phase.name.as_ref().map_or("-", |name| name.raw());
        writeln!(out, "{name}").unwrap();
        write_steps(&mut out, &phase.steps, 1);
    }
    out
}

fn write_steps(out: &mut String, steps: &[Step], depth: usize) {
    for step in steps {
        write!(out, "{:depth$}{}:{}", "", step.line, step.label.raw()).unwrap();
        if step.gate {
            write!(out, " gate").unwrap();
        }
        if step.optional {
            write!(out, " optional").unwrap();
        }
        if let Some(condition) = &step.condition {
            write!(out, " [{}]", condition.raw()).unwrap();
        }
        writeln!(out).unwrap();
        write_steps(out, &step.substeps, depth + 1);
    }
}

fn notices(text: &str) -> Vec<(u32, String)> {
    let runbook = parse_runbook(text, "file.md");
    runbook
        .notices
        .iter()
        .map(|n| (n.line, n.text.raw().to_owned()))
        .collect()
}

#[test]
fn numbered_lists_under_phase_headings_with_wrong_numbers() {
    let text = "# T\n\n### Investigate\n\n1. One\n1. Two\n    * deeper\n6. Three\n\n### Remediate\n\n* a word of advice\n\n\
                #### Contain\n\n1. Four\n\n### References\n\n1. a book\n";
    assert_eq!(
        outline(text),
        "Investigate\n 5:One\n 6:Two\n  7:deeper\n 8:Three\nContain\n 16:Four\n"
    );
}

#[test]
fn labels_above_the_steps_are_not_steps() {
    let text = "# T\n\n## Phases\n\n1. Preparation\n2. Recovery\n\n### Phase 2: Recovery\n\n*   **Objective:** be well\n\
                *   **Steps:** *(soon)*\n    1.  **Look:** at it\n    2.  **Enable (If Disabled):** now\n";
    assert_eq!(
        outline(text),
        "Recovery\n 12:Look\n 13:Enable (If Disabled) [If Disabled]\n"
    );
}

#[test]
fn bold_paragraphs_are_headings_when_they_name_a_phase() {
    let text = "##### Card\n\n**(P) Preparation**\n\n1.  Patch\n\n**(I) Identification**\n\n1.  Monitor for:  \n    a. logins  \n    b. rules\n\n**References:**\n\n1.  a book\n";
    assert_eq!(
        outline(text),
        "Preparation\n 5:Patch\nIdentification\n 9:Monitor for\n  10:logins\n  11:rules\n"
    );
}

#[test]
fn lettered_steps_know_their_lines() {
    let text = "# T\n\n## Contain\n\n1. Look at:  \n   a. the logins\n   of today  \n   b. the rules\n2. Then<br>a. this<br>b. that\n";
    let lines = "Contain\n 5:Look at\n  6:the logins of today\n  8:the rules\n 9:Then\n  9:this\n  9:that\n";
    assert_eq!(outline(text), lines);
}

#[test]
fn a_task_list_wins_for_its_section() {
    let text = "# T\n\n## Recovery\n\n1. prose in a list\n\n- [ ] Do this\n- [x] Do that\n";
    assert_eq!(outline(text), "Recovery\n 7:Do this\n 8:Do that\n");
    assert_eq!(notices(text).len(), 1);
}

#[test]
fn one_flat_list_is_one_phase_without_a_name() {
    let text = "# T\n\n## Inputs\n\n- `${A}`: a\n\n## Workflow Steps & Diagram\n\n1. **Receive:** it\n2. **Confirm:** with the analyst.\n\n\
                ```mermaid\nsequenceDiagram\n1. not a step\n2. not one\n```\n\n## Rubric\n\n### Analysis\n\n1. points\n";
    assert_eq!(outline(text), "-\n 9:Receive\n 10:Confirm gate\n");
    assert_eq!(notices(text), []);
}

#[test]
fn headings_are_steps_where_there_is_no_list() {
    let text = "# T\n\n## Phase 3: Containment\n\n**Step 3.1: Confirm**\n\nUse `/confirm-action`.\n\n**Step 3.2: Act**\n\n- this\n\n## Phase 4: Recovery\n\n### Enable it\n\nProse.\n";
    assert_eq!(
        outline(text),
        "Containment\n 5:Confirm gate\n 9:Act\n  11:this\nRecovery\n 15:Enable it\n"
    );
}

#[test]
fn tags_in_brackets_are_phases() {
    let text = "# T\n\n## Response Steps\n\n1. [**PREPARATION**] List it\n2. [**CONTAINMENT**] Close it\n\n## Part two\n\n1. detail\n";
    assert_eq!(
        outline(text),
        "PREPARATION\n 5:List it\nCONTAINMENT\n 6:Close it\n"
    );
}

#[test]
fn the_same_words_twice_are_two_steps() {
    let text = "# T\n\n## Contain\n\n1. Note it\n2. Act\n3. Note it\n\n## Recover\n\n1. Note it\n";
    let runbook = parse_runbook(text, "file.md");
    let keys: Vec<&str> = runbook
        .walk()
        .map(|(_, _, step)| step.key.as_str())
        .collect();
    assert_eq!(keys[2], format!("{}-2", keys[0]));
    assert!(!keys[3].contains('-') && keys[3] != keys[0]);
}

#[test]
fn what_is_not_read_is_said() {
    let text = "# T\n\n```\n1. hidden\n2. too\n```\n\n## Contain\n\n`TODO: write`\n\n| a | b |\n|---|---|\n| 1 | 2 |\n";
    let said: Vec<u32> = notices(text).iter().map(|(line, _)| *line).collect();
    assert_eq!(said, [1, 3, 8, 10, 12]);
}

#[test]
fn inputs_are_what_is_declared() {
    let text = "# T\n\n## Inputs\n\n* `${ALERT_ID}` or `${CASE_ID}`: which one\n* *(Optional) `${HOURS}`: how far (default: 72).*\n* `USER_ID` - who\n    * `not_an_input`\n\n## Steps\n\n1. Make `${MADE}`\n";
    let runbook = parse_runbook(text, "file.md");
    let inputs: Vec<String> = runbook
        .inputs
        .iter()
        .map(|input| {
            let alternatives: Vec<&str> = input.alternatives.iter().map(Untrusted::raw).collect();
            let default = input.default.as_ref().map_or("", |default| default.raw());
            format!(
                "{} {alternatives:?} {} {default}",
                input.name.raw(),
                input.optional
            )
        })
        .collect();
    assert_eq!(
        inputs,
        [
            "ALERT_ID [\"CASE_ID\"] false ",
            "HOURS [] true 72",
            "USER_ID [] false "
        ]
    );
}

#[test]
fn a_paragraph_is_the_exact_text_of_its_step() {
    let text = "\u{feff}# T\r\n\r\n## Contain\r\n\r\n1. **One** `x`\r\n   more\r\n   - deeper\r\n2. Two\r\n\r\nprose\r\n";
    let runbook = parse_runbook(text, "file.md");
    let steps = &runbook.phases[0].steps;
    assert_eq!(
        steps[0].paragraph(&runbook).raw(),
        "1. **One** `x`\n   more\n   - deeper"
    );
    assert_eq!(steps[1].paragraph(&runbook).raw(), "2. Two");
}

#[test]
fn the_title_is_a_name_of_the_whole() {
    let title = |text: &str| parse_runbook(text, "file.md").title.raw().to_owned();
    assert_eq!(title("# A *title*\n"), "A title");
    assert_eq!(
        title("---\ntitle: \"Front\"\n---\n\n## Checklist\n\n1. a\n"),
        "Front"
    );
    assert_eq!(title("## Checklist\n\n1. a\n"), "file.md");
    assert_eq!(title(""), "file.md");
}

#[test]
fn nesting_has_an_end() {
    for mark in ["> ", "- ", "1. ", "* > "] {
        let text = format!("# T\n\n## Contain\n\n- a\n\n{}deep\n", mark.repeat(10_000));
        let runbook = parse_runbook(&text, "file.md");
        assert!(runbook.walk().count() < 100);
    }
    let nested: String = (0..3_000).fold(String::from("# T\n\n## Contain\n\n"), |text, depth| {
        text + &" ".repeat(2 * depth) + "- x\n"
    });
    let said = notices(&nested);
    assert!(
        said.iter().any(|(_, text)| text.contains("too deep")),
        "{said:?}"
    );
}

#[test]
fn notices_have_an_end() {
    let text = "## Contain\n\n`TODO`\n\n".repeat(1_000);
    assert_eq!(notices(&text).len(), MOST_NOTICES + 1);
}

#[test]
fn a_text_without_end_is_cut_with_a_notice() {
    let text = "ä".repeat(LONGEST);
    let said = notices(&text);
    assert!(
        said.iter().any(|(_, text)| text.contains("4 MiB")),
        "{said:?}"
    );
}

#[test]
fn rows_of_a_table_with_boxes_or_numbered_actions_are_steps() {
    let text = "# T\n\n## Phase 1: Triage (within 15 minutes)\n\n| # | Action | Done |\n|---|---|---|\n| 1 | Isolate | \u{2610} |\n\
                | 2 | **Dump**: memory | \u{2610} |\n\n## Phase 2: Containment\n\n|Action Item|Events|\n|--|--|\n\
                |<ul><li>- [ ] Look at it</li></ul>|<ul><li>- [ ] one</li><li>- [ ] two|\n\n| Level | Who |\n|--|--|\n| 1 | x |\n";
    assert_eq!(
        outline(text),
        "Triage\n 7:Isolate\n 8:Dump\nContainment\n 14:Look at it\n  14:one\n  14:two\n"
    );
    let runbook = parse_runbook(text, "f.md");
    let limit = runbook.phases[0].steps[0].time_limit.as_ref().unwrap();
    assert_eq!(limit.minutes, 15);
    assert_eq!(notices(text).len(), 1);
}

#[test]
fn headings_that_order_are_steps_and_headings_that_name_are_not() {
    let text = "# T\n\n## Containment\n\n### Block the sender\n\nProse.\n\n1. by hand\n\n### Reset it\n\nProse.\n\n### Warn all\n\nProse.\n\n\
                ## Diagnosis\n\n### Slow disk\n\nProse.\n";
    assert_eq!(
        outline(text),
        "Containment\n 5:Block the sender\n  9:by hand\n 11:Reset it\n 15:Warn all\nDiagnosis\n"
    );
    let said: Vec<u32> = notices(text).iter().map(|(line, _)| *line).collect();
    assert_eq!(said, [19, 21]);
}

#[test]
fn an_own_checklist_stands_for_the_phases_and_other_tasks_are_a_phase() {
    let phases = "# T\n\n## Phase 1: Contain\n\n1. a\n\n";
    let quick = format!("{phases}## Quick Checklist\n\n- [ ] one\n- [ ] two\n");
    assert_eq!(outline(&quick), "Quick Checklist\n 9:one\n 10:two\n");
    let both = format!("{quick}\n## Phase 2: Recover\n\n1. b\n");
    assert_eq!(
        outline(&both),
        "Contain\n 5:a\nQuick Checklist\n 9:one\n 10:two\nRecover\n 14:b\n"
    );
    let closing = format!("{phases}## Closing\n\n- [ ] one\n");
    assert_eq!(outline(&closing), "Contain\n 5:a\nClosing\n 9:one\n");
}

#[test]
fn a_phase_inside_a_code_block_is_read_and_said() {
    let text =
        "# T\n\n```\n(P) Preparation\n\n1. Patch\n2. Log\n   all\n```\n\n## Recover\n\n1. Go\n";
    assert_eq!(
        outline(text),
        "Preparation\n 6:Patch\n 7:Log all\nRecover\n 13:Go\n"
    );
    assert_eq!(notices(text).first().map(|(line, _)| *line), Some(3));
}

#[test]
fn a_condition_in_a_heading_holds_for_the_steps_below_it() {
    let text =
        "# T\n\n## Part 3 - Contain\n\n### If it is a key, act\n\n1. Stop it\n2. Look (if so)\n";
    assert_eq!(
        outline(text),
        "Contain\n 7:Stop it [If it is a key]\n 8:Look (if so) [if so]\n"
    );
}

#[test]
fn inputs_stand_in_tables_and_without_code_too() {
    let text = "# T\n\n## Inputs\n\n| Name | Required | Default |\n|--|--|--|\n| `host` | yes | - |\n| `hours` | no | 24 |\n\n\
                - ip_address (string): where\n- Required:\n  - `A`\n- Optional:\n  - `B`\n";
    let runbook = parse_runbook(text, "f.md");
    let inputs: Vec<(&str, bool, Option<&str>)> = runbook
        .inputs
        .iter()
        .map(|i| {
            (
                i.name.raw(),
                i.optional,
                i.default.as_ref().map(Untrusted::raw),
            )
        })
        .collect();
    let expected = [
        ("host", false, None),
        ("hours", true, Some("24")),
        ("ip_address", false, None),
        ("A", false, None),
        ("B", true, None),
    ];
    assert_eq!(inputs, expected);
}

#[test]
fn a_text_that_names_itself_is_not_linked() {
    let text = "# T\n\n## Contain\n\n1. See `f.md` and `g.md`\n";
    let runbook = parse_runbook(text, "f.md");
    assert_eq!(runbook.linked_runbooks.len(), 1);
    assert_eq!(runbook.phases[0].steps[0].runbooks.len(), 1);
    assert_eq!(runbook.notices.len(), 1);
}

#[test]
fn a_step_with_a_gate_below_it_is_a_gate() {
    let text = "# T\n\n## Contain\n\n1. **Accounts:**\n   * For each user:\n     * Disable it. **Confirm with the analyst.**\n     * Note it\n2. **Report:** now\n";
    assert_eq!(
        outline(text),
        "Contain\n 5:Accounts gate\n  6:For each user gate\n   7:Disable it gate\n   8:Note it\n 9:Report\n"
    );
}

#[test]
fn a_bold_call_out_is_no_name_of_a_step() {
    let text = "# T\n\n## Contain\n\n1. **Revoke:** all\n2. **Important:** Old tokens work until they end. Wait.\n";
    assert_eq!(
        outline(text),
        "Contain\n 5:Revoke\n 6:Important: Old tokens work until they end\n"
    );
}

#[test]
fn a_bold_condition_is_the_condition_of_its_step() {
    let text = "# T\n\n## Contain\n\n1. **If the answer is yes:** write it\n2. **Look again** \u{2014} if it is bad, act\n";
    assert_eq!(
        outline(text),
        "Contain\n 5:If the answer is yes [If the answer is yes]\n 6:Look again\n"
    );
}

#[test]
fn lists_outside_of_the_phases_are_said() {
    let text = "# T\n\n## Asking for help\n\n- Call\n- Write\n\n## Contain\n\n1. Act\n\n## Resources\n\n- a book\n";
    assert_eq!(outline(text), "Contain\n 10:Act\n");
    let said: Vec<u32> = notices(text).iter().map(|(line, _)| *line).collect();
    assert_eq!(said, [5]);
}

#[test]
fn spanish_names_are_phases() {
    let text = "## Libro: cuenta\n\n### Investigaci\u{f3}n\n\n1. Busque\n\n### Remediate\n\n#### Contenci\u{f3}n\n\n* Bloquee\n\n### Comunicar\n\n1. Llame\n\n### Recursos\n\n1. un libro\n";
    assert_eq!(
        outline(text),
        "Investigaci\u{f3}n\n 5:Busque\nContenci\u{f3}n\n 11:Bloquee\nComunicar\n 15:Llame\n"
    );
}

const PIECES: &[&str] = &[
    "# Title\n",
    "\n",
    "## Phase 2: Identification\n",
    "### Contain\n",
    "**(R) Recovery**\n",
    "1. ",
    "   - ",
    "- [ ] ",
    "* ",
    "**Lead:** ",
    "**",
    "`",
    "`quell.read_case` ",
    "`${X}` ",
    "```\n",
    "| a | b |\n|---|---|\n",
    "> ",
    "Words of a step. ",
    "(if so) ",
    "[role] ",
    "  \n",
    "a. ",
    "<br>",
    "---\n",
    "\t",
    "\r\n",
    "\u{202e}",
    "漢字",
    "👩‍👩‍👧",
    "[x](y.md)",
    "![i](z)",
    "within 5 min ",
    "## Inputs\n",
    "## Tools\n",
    "## Checklist\n",
    "# Steps\n",
    "TODO ",
    "\\",
    "&amp;",
    "\0",
];

fn markdown() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(PIECES), 0..60).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn any_text_is_read(text in "\\PC{0,400}") {
        check_total(&text)?;
    }

    #[test]
    fn any_markdown_is_read(text in markdown()) {
        check_total(&text)?;
        check_total(&format!("# T\n\n## Contain\n\n- {}", text.replace("Words", "\n- Words")))?;
    }

    #[test]
    fn a_moved_paragraph_changes_no_key(words in "[a-z]{1,10}( [a-z]{1,10}){0,5}") {
        let before = format!("# T\n\n## Contain\n\n1. Keep this\n2. {words} it\n");
        let after = format!("# T\n\nA new paragraph.\n\n## Contain\n\nProse.\n\n1. {words} it\n1. Keep this\n");
        let keys = |text: &str| -> std::collections::BTreeSet<StepKey> {
            parse_runbook(text, "f.md").walk().map(|(_, _, step)| step.key.clone()).collect()
        };
        prop_assert_eq!(keys(&before), keys(&after));
    }
}

proptest! {
    #[test]
    fn an_edited_paragraph_changes_its_own_key_only(at in 0_usize..6, word in "[a-z]{1,8}") {
        let text = |edit: Option<usize>| {
            let item = |i: usize| match edit {
                Some(at) if at == i => format!("{}. Item {i} and {word}\n\n   Its own paragraph.\n", i + 1),
                _ => format!("{}. Item {i}\n\n   Its own paragraph.\n", i + 1),
            };
            (0..6).fold("# T\n\n## Contain\n\n".to_owned(), |text, i| text + &item(i))
        };
        let keys = |text: &str| -> Vec<StepKey> {
            parse_runbook(text, "f.md").walk().map(|(_, _, step)| step.key.clone()).collect()
        };
        let (before, after) = (keys(&text(None)), keys(&text(Some(at))));
        prop_assert_eq!(before.len(), after.len());
        for (i, (before, after)) in before.iter().zip(&after).enumerate() {
            prop_assert_eq!(before == after, i != at);
        }
    }
}

/// Lines are in the text, keys differ, labels are of the text.
fn check_total(text: &str) -> Result<(), TestCaseError> {
    let runbook = parse_runbook(text, "file.md");
    let lines = u32::try_from(text.lines().count()).unwrap();
    let mut keys = std::collections::HashSet::new();
    for (_, _, step) in runbook.walk() {
        prop_assert!(
            step.line >= 1 && step.line <= lines,
            "{:?} of {lines}",
            step
        );
        prop_assert!(
            step.lines.contains(&step.line) && step.lines.end <= lines + 1,
            "{:?} of {lines}",
            step
        );
        prop_assert!(keys.insert(step.key.clone()), "{:?}", step);
        prop_assert!(!step.label.raw().trim().is_empty());
        prop_assert!(!step.paragraph(&runbook).raw().is_empty());
    }
    for notice in &runbook.notices {
        prop_assert!(
            notice.line >= 1 && notice.line <= lines.max(1),
            "{:?}",
            notice
        );
    }
    Ok(())
}

#[test]
fn phases_that_are_numbered_headings_hold_parts_with_names_of_phases() {
    let part = |name: &str| format!("### {name}\n\n- a\n- b\n\n");
    let text = format!(
        "# T\n\n## 1. Preparation\n\n- Keep a list\n\n## 2. Detect\n\n### Workflow\n\n![w](w.png)\n\n{}{}{}## 3. Recover\n\n{}{}{}",
        part("Identify indicators"),
        part("Triage"),
        part("New one found?"),
        part("Update the rules"),
        part("Validate them"),
        part("All recovered?"),
    );
    assert_eq!(
        outline(&text),
        "Preparation\n 5:Keep a list\nDetect\n 13:Identify indicators\n  15:a\n  16:b\n 18:Triage\n  20:a\n  21:b\n \
         23:New one found?\n  25:a\n  26:b\nRecover\n 30:Update the rules\n  32:a\n  33:b\n 35:Validate them\n  37:a\n  \
         38:b\n 40:All recovered?\n  42:a\n  43:b\n"
    );
}

#[test]
fn where_most_phases_have_headings_as_steps_the_others_have_them_too() {
    let text = "# T\n\n## Detect\n\n### Find it\n\nx\n\n### List it\n\nx\n\n## Contain\n\n### Block it\n\nx\n\n\
                ## Post incident\n\n### Incident review\n\n- What worked\n\n### User training\n\nx\n";
    assert!(
        outline(text)
            .ends_with("Post incident\n 21:Incident review\n  23:What worked\n 25:User training\n")
    );
}

#[test]
fn a_step_that_says_only_todo_is_none() {
    let text = "# T\n\n## Contain\n\n1. TODO\n2. Block it\n";
    assert_eq!(outline(text), "Contain\n 6:Block it\n");
    assert_eq!(notices(text), [(5, "the text says TODO".to_owned())]);
}

#[test]
fn the_readme_of_a_runbooks_folder_is_a_runbook() {
    let text = "# T\n\n## Contain\n\n1. See [it](../IRP-Malware/README.md) and [tools](../Tools/README.md)\n";
    let runbook = parse_runbook(text, "f.md");
    assert_eq!(
        runbook.linked_runbooks[0].path.raw(),
        "../IRP-Malware/README.md"
    );
    assert_eq!(runbook.linked_documents[0].path.raw(), "../Tools/README.md");
}

#[test]
fn a_guide_of_a_rule_has_two_phases() {
    let text = "## Triage and analysis\n\n### Investigating a stolen session of a user\n\n#### Possible investigation steps\n\n\
                - Identify the user.\n\n### False positive analysis\n\n- A journey.\n\n### Response and remediation\n\n\
                - Isolate it.\n";
    assert_eq!(
        outline(text),
        "Possible investigation steps\n 7:Identify the user\nResponse and remediation\n 15:Isolate it\n"
    );
}

#[test]
fn notes_and_indicators_are_no_steps_and_a_short_list_below_them_is() {
    let text = "# T\n\n## Indicators\n\n- Odd names\n\n### Response steps\n\n1. [**CONTAINMENT**] Block\n2. [**RECOVERY**] Open\n\n\
                **Notes:**\n\n1. Report it to the police\n";
    assert_eq!(outline(text), "CONTAINMENT\n 9:Block\nRECOVERY\n 10:Open\n");
}

#[test]
fn a_text_without_phases_has_its_orders_whatever_marks_them() {
    let text = "# T\n\n## At once\n\n1. Lock it\n2. Wipe it. (only if it is ours)\n\n## Next day\n\n- Ask them\n- File the claim\n\n## Facts\n\n- Blue\n";
    assert_eq!(
        outline(text),
        "-\n 5:Lock it\n 6:Wipe it [only if it is ours]\n 10:Ask them\n 11:File the claim\n"
    );
    let roles =
        "# T\n\n## Commander\n\n1. Open the bridge\n\n## Communications lead\n\n1. Draft it\n";
    assert_eq!(outline(roles), "-\n 5:Open the bridge\n 9:Draft it\n");
}

#[test]
fn lettered_steps_need_no_hard_breaks() {
    let text = "# T\n\n## Contain\n\n1. Look for:\n   a. Odd names\n   b) odd times (optional)\n2. Block it (optional).\n";
    assert_eq!(
        outline(text),
        "Contain\n 5:Look for\n  6:Odd names\n  7:odd times (optional) optional\n 8:Block it (optional) optional\n"
    );
}

#[test]
fn what_is_derived_is_no_input() {
    let text = "# T\n\n## Inputs\n\n- `${A}`: a\n- *(Derived) `${B}`: found in step 2*\n";
    let runbook = parse_runbook(text, "f.md");
    assert_eq!(runbook.inputs.len(), 1);
}

#[test]
fn many_tags_and_many_rows_take_linear_time() {
    let tags: Vec<String> = (0..20_000).map(|i| format!("1. [**P{i}**] do\n")).collect();
    let tags = tags.concat();
    let runbook = parse_runbook(&format!("# T\n\n## Response Steps\n\n{tags}"), "f.md");
    assert_eq!(runbook.phases.len(), 20_000);
    assert!(runbook.notices.is_empty());
    let more = format!("# T\n\n## Response Steps\n\n{tags}1. [**P**] do\n1. [**Q**] do\n");
    let runbook = parse_runbook(&more, "f.md");
    assert_eq!(runbook.walk().count(), 20_000);
    let said: Vec<(u32, &str)> = runbook
        .notices
        .iter()
        .map(|n| (n.line, n.text.raw()))
        .collect();
    assert_eq!(
        said,
        [(20_005, "more than 20000 steps; the rest is not read")]
    );
}

#[test]
fn phases_stand_in_a_list_too() {
    let text = "# T\n\n1. **Preparation**\n   - Keep a list\n2. **Detection and Analysis** (at once)\n   1. Look at it\n   2. Ask\n3. Contain:\n   - Block it\n\
                4. **Closure**\n   - Write\n\nAfter all of it:\n\n- a book\n";
    assert_eq!(
        outline(text),
        "Preparation\n 4:Keep a list\nDetection and Analysis\n 6:Look at it\n 7:Ask\nContain\n 9:Block it\nClosure\n 11:Write\n"
    );
    let said: Vec<u32> = notices(text).iter().map(|(line, _)| *line).collect();
    assert_eq!(said, [15]);
}

#[test]
fn a_list_of_orders_is_no_list_of_phases() {
    for text in [
        "# T\n\n1. Identify the user\n   - by name\n2. Contain the host\n   - by EDR\n3. Restore it\n   - soon\n",
        "# T\n\n1. Preparation\n2. Recovery\n",
    ] {
        assert!(outline(text).starts_with("-\n 3:"), "{}", outline(text));
    }
    let beside = "# T\n\n## Contain\n\n1. a\n\n## Recover\n\n1. **Preparation**\n   - b\n2. **Recovery**\n   - c\n";
    assert_eq!(
        outline(beside),
        "Contain\n 5:a\nRecover\n 9:Preparation\n  10:b\n 11:Recovery\n  12:c\n"
    );
}

#[test]
fn numbers_that_markdown_does_not_know_make_steps() {
    let below = "# T\n\n## 2. Identification\n2.1 Confirm it.\n2.2 Look for:\n- names\n2.2.1 Read the tree.\n2.3 Tell the\nmanager.\n\n\
                 ## 3. Containment\n\n3.1 Isolate it.\n\n```\n3.2 code\n```\n\n3.2 Lock it.\n";
    assert_eq!(
        outline(below),
        "Identification\n 4:Confirm it\n 5:Look for\n  6:names\n  7:Read the tree\n 8:Tell the manager\nContainment\n 13:Isolate it\n 19:Lock it\n"
    );
    let plain = "1. Identification\n1.1 Ask the user.\n1.2 Look it up.\n2. Containment\n2.1 Wipe it.\n2.1.1 Wait.\n2.2 Lock it.\n";
    assert_eq!(
        outline(plain),
        "Identification\n 2:Ask the user\n 3:Look it up\nContainment\n 5:Wipe it\n  6:Wait\n 7:Lock it\n"
    );
    let lines = "# T\n\nPhase 1: Identification\n\n(1) Count them.\n(2) List them.\n\nPhase 2: Containment\n\n\u{2022} Reset them\n\u{2610} Tell them\n";
    assert_eq!(
        outline(lines),
        "Identification\n 5:Count them\n 6:List them\nContainment\n 10:Reset them\n 11:Tell them\n"
    );
}

#[test]
fn a_number_in_prose_makes_no_step() {
    let text = "# T\n\n## Contain\n\nSet TLS to\n1.2 or better. Version\n3.4 is fine.\n\n10.0.0.1 is ours, and\n10.0.0.2 too.\n";
    assert_eq!(outline(text), "Contain\n");
}

#[test]
fn a_table_has_phases_in_its_rows() {
    let column = "# T\n\n| Phase | # | Task | Done |\n|--|--|--|--|\n| Identification | 1 | Pull it | |\n| Identification | 2 | Compare | |\n\
                  | Containment | 3 | Lock it | |\n";
    assert_eq!(
        outline(column),
        "Identification\n 5:Pull it\n 6:Compare\nContainment\n 7:Lock it\n"
    );
    let groups = "# T\n\n| Step | Procedure | Date Completed |\n|--|--|--|\n| **Detection & Analysis** | | |\n| **1. Declare** | | |\n| 1a. | Sort it | |\n\
                  | 1b. | Name a lead | |\n| **Containment** | | |\n| 2a. | Cut it off | |\n\n## Notes\n\n- none\n";
    assert_eq!(
        outline(groups),
        "Detection & Analysis\n 6:Declare\n  7:Sort it\n  8:Name a lead\nContainment\n 10:Cut it off\n"
    );
}

#[test]
fn what_stands_among_phases_in_their_form_is_one() {
    let chapters = "# T\n\n## 1. Triage\n\n1. Look\n\n## 2. Contain\n\n1. Block it\n\n## 3. Recover\n\n1. Open it\n\n## 4. Close out\n\n1. Attach it\n2. Write\n\n\
                    ## 5. Contacts\n\n1. The lead\n";
    assert_eq!(
        outline(chapters),
        "Triage\n 5:Look\nContain\n 9:Block it\nRecover\n 13:Open it\nClose out\n 17:Attach it\n 18:Write\n"
    );
    let first = "# T\n\n## Initial response (0-15 minutes)\n\n1. Confirm it\n2. Assess it\n\n## Investigation\n\n1. Collect\n\n## Containment\n\n- Isolate\n\n\
                 ## Recovery\n\n1. Restore\n\n## Shift plan\n\n1. Call the day shift\n";
    assert_eq!(
        outline(first),
        "Initial response\n 5:Confirm it\n 6:Assess it\nInvestigation\n 10:Collect\nContainment\n 14:Isolate\nRecovery\n 18:Restore\n"
    );
    let bold = "How it goes:\n\n**Early containment:**\n- Check the list\n\n**Investigation:**\n- Collect it\n\n**Remediation:**\n- Clear it\n\n**Closing:**\n- Close it\n";
    assert_eq!(
        outline(bold),
        "Early containment\n 4:Check the list\nInvestigation\n 7:Collect it\nRemediation\n 10:Clear it\nClosing\n 13:Close it\n"
    );
}

#[test]
fn headings_with_times_are_phases_where_there_are_two() {
    let text = "# T\n\n## First 15 minutes\n\n1. Page them\n\n## Next 24 hours\n\n- Review it\n\n## Contacts\n\n- The lead\n";
    assert_eq!(
        outline(text),
        "First 15 minutes\n 5:Page them\nNext 24 hours\n 9:Review it\n"
    );
}

#[test]
fn a_numbered_step_that_begins_like_a_phase_is_a_step() {
    let text = "# T\n\n## Before\n\nx\n\n## Step 1: Identify the app\n\nx\n\n## Step 2: Revoke it\n\n1. a\n\n## Step 3: Close\n\nx\n";
    assert_eq!(
        outline(text),
        "-\n 7:Identify the app\n 11:Revoke it\n  13:a\n 15:Close\n"
    );
    let phases = "# T\n\n## Step 1: Identification\n\n1. a\n\n## Step 2: Containment\n\n1. b\n\n## Step 3: Recovery\n\n1. c\n";
    assert_eq!(
        outline(phases),
        "Identification\n 5:a\nContainment\n 9:b\nRecovery\n 13:c\n"
    );
    let alone =
        "# T\n\n### Verify the caller\n\n- Call back\n\n### Contain the account\n\n1. Lock it\n";
    assert_eq!(
        outline(alone),
        "-\n 3:Verify the caller\n  5:Call back\n 7:Contain the account\n  9:Lock it\n"
    );
    let bare = "# T\n\n## 2 Investigate\n\n### 2.1 Review the rules\n\nx\n\n## 3 Contain\n\n### 3.1 Revoke it\n\nx\n\n## Appendix A\n\n1. a\n";
    assert_eq!(
        outline(bare),
        "Investigate\n 5:Review the rules\nContain\n 11:Revoke it\n"
    );
}

#[test]
fn a_heading_in_html_is_a_heading_and_a_phase_is_no_title() {
    let title = |text: &str| parse_runbook(text, "file.md").title.raw().to_owned();
    assert_eq!(
        title("<h1 align=\"center\">Web <b>shell</b></h1>\n\n## Contain\n\n1. a\n"),
        "Web shell"
    );
    assert_eq!(
        title("<div>\n<h2>A shell</h2>\n</div>\n\n## Contain\n\n1. a\n"),
        "A shell"
    );
    assert_eq!(
        title("## Contain\n\n1. a\n\n## Recover\n\n1. b\n"),
        "file.md"
    );
    assert_eq!(title("<hr>\n\n<header>x</header>\n"), "file.md");
}

#[test]
fn bold_orders_before_prose_are_steps_where_there_is_no_list() {
    let text = "# T\n\n## Investigation\n\n**Check the parent.** Look at it.\n\n**Decode it:** by hand.\n\n```\nbase64 -d\n```\n\n\
                ## Containment\n\n**Important.** Ask first.\n\n**Isolate it.** Now.\n";
    assert_eq!(
        outline(text),
        "Investigation\n 5:Check the parent\n 7:Decode it\nContainment\n"
    );
}

#[test]
fn plain_names_of_phases_above_lists_are_phases_where_there_are_two() {
    let text = "# T\n\nContainment\n\n\u{2022} Pull the cable\n\u{2022} Call\n\nRecovery:\n\n- Restore it\n";
    assert_eq!(
        outline(text),
        "Containment\n 5:Pull the cable\n 6:Call\nRecovery\n 10:Restore it\n"
    );
}

#[test]
fn parts_of_a_phase_that_name_it_again_are_no_phases() {
    let text = "# T\n\n## Detection & Analysis\n\n### Analysis steps\n\n1. Confirm it\n\n## Containment, Eradication & Recovery\n\n### Containment\n\n1. Block it\n\n\
                ### Recovery\n\n1. Lift it\n";
    assert_eq!(
        outline(text),
        "Detection & Analysis\n 7:Confirm it\nContainment\n 13:Block it\nRecovery\n 17:Lift it\n"
    );
}

#[test]
fn a_wide_table_and_many_headings_have_an_end() {
    let wide = format!(
        "# T\n\n## Contain\n\n|{}\n|{}\n{}",
        "a|".repeat(200),
        "-|".repeat(200),
        "|x\n".repeat(200)
    );
    assert_eq!(parse_runbook(&wide, "f.md").walk().count(), 0);
    let headings = format!(
        "# T\n\n## Contain\n\n{}",
        "### Block it\n\nx\n\n".repeat(20_100)
    );
    assert_eq!(parse_runbook(&headings, "f.md").walk().count(), 20_000);
}
