//! What may happen in an account that was enabled again: its user comes back, a colleague acts, a method appears.
//!
//! What must not live here: a vendor's wire shapes.

use chrono::{DateTime, Utc};

use super::activity::{Activity, Kind};
use super::company::{COLLEAGUE, Factor, Holder, VICTIM};
use super::fault::Twist;
use super::world::World;

impl World {
    /// Lets come true what was ordered for the next step.
    pub fn go_on(&mut self, person: usize, at: DateTime<Utc>) {
        if self.take(Twist::PasswordByOthers) {
            self.password_by_others(person, at);
        }
        if self.take(Twist::MethodAppears) {
            let account = &mut self.directory.people[person];
            account.factors.push(Factor {
                id: format!("opf9late{}", account.factors.len()),
                kind: "push",
                provider: "OKTA",
                name: "Pixel 9".to_owned(),
                created: at,
            });
        }
        let is_in = self.directory.people[person].status == "ACTIVE";
        if is_in && self.take(Twist::UserReturns) {
            self.sign_in_as_always(person, at);
        }
    }

    fn take(&mut self, twist: Twist) -> bool {
        let armed = self.twists.iter().position(|one| *one == twist);
        armed.map(|place| self.twists.remove(place)).is_some()
    }

    /// Lets the owner sign in at the usual place and open the mail.
    fn sign_in_as_always(&mut self, person: usize, at: DateTime<Utc>) {
        let session = self.directory.open_session(person, Holder::Owner, at);
        self.directory.people[person].last_login = Some(at);
        let account = &self.directory.people[person];
        let act = |kind, object: &str| {
            let mut activity = Activity::new(at, kind, person, account).object(object);
            activity.session = session;
            activity
        };
        let acts = [act(Kind::SignIn, ""), act(Kind::AppAccess, "Mail")];
        for activity in acts {
            self.journal.push(activity);
        }
    }

    /// Lets a colleague set a new password, which the attacker does not know.
    fn password_by_others(&mut self, person: usize, at: DateTime<Utc>) {
        let account = &mut self.directory.people[person];
        account.password_changed = at;
        account.last_updated = at;
        if person == VICTIM {
            self.attacker.knows_password = false;
        }
        let colleague = &self.directory.people[COLLEAGUE];
        let mut activity = Activity::new(at, Kind::ResetPassword, COLLEAGUE, colleague);
        activity.target = u32::try_from(person).ok();
        self.journal.push(activity);
    }
}
