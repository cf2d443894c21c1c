//! What was done, by the names of AWS's requests.

use crate::connect::logs::tree::Value;

use crate::connect::decode::{at, text};
use crate::domain::text::Untrusted;
use crate::domain::timeline::event::{Act, Party};

/// Gives what was done; `None` where name and parameters do not settle it. `identity` is the type of who asked.
pub(in crate::connect::logs) fn act(
    record: &Value,
    action: &str,
    identity: &str,
    user: &Party,
    target: &Party,
) -> Option<Act> {
    let asked = |field: &str| text(record, &format!("requestParameters.{field}"));
    let own = target.name.is_none() || target.name == user.name;
    Some(match action {
        "ConsoleLogin"
        | "AssumeRoleWithSAML"
        | "AssumeRoleWithWebIdentity"
        | "UserAuthentication"
        | "ExternalIdPDirectoryLogin" => Act::SignIn,
        "CheckMfa" => Act::MfaPrompt,
        "AssumeRole" | "SwitchRole" | "AssumeRoot" if identity != "AWSService" => {
            Act::LateralMovement
        }
        "SendSSHPublicKey" | "SendSerialConsoleSSHPublicKey" | "StartSession" => {
            Act::LateralMovement
        }
        "SendCommand" | "ExecuteCommand" => Act::Command,
        "CreateAccessKey" | "CreateServiceSpecificCredential" | "UploadSSHPublicKey" => {
            Act::AccessKey
        }
        "ChangePassword" | "PasswordUpdated" => Act::PasswordChanged,
        "UpdateLoginProfile" if own => Act::PasswordChanged,
        "UpdateLoginProfile" | "CreateLoginProfile" | "PasswordRecoveryCompleted" => {
            Act::PasswordReset
        }
        "EnableMFADevice" => Act::MfaAdded,
        "DeactivateMFADevice" => Act::MfaRemoved,
        "CreateUser" => Act::AccountCreated,
        "DeleteUser" => Act::AccountDeleted,
        "AttachUserPolicy" | "AttachGroupPolicy" | "AttachRolePolicy"
            if asked("policyArn").is_some_and(|arn| is_admin(arn.raw())) =>
        {
            Act::RoleGranted
        }
        "PutUserPolicy" | "PutGroupPolicy" | "PutRolePolicy"
            if asked("policyDocument").is_some_and(|text| allows_all(&text)) =>
        {
            Act::RoleGranted
        }
        "AddUserToGroup"
            if asked("groupName")
                .is_some_and(|name| name.raw().to_ascii_lowercase().contains("admin")) =>
        {
            Act::RoleGranted
        }
        "GetSecretValue" | "BatchGetSecretValue" | "GetPasswordData" => Act::SensitiveAccess,
        "GetParameter" | "GetParameters" | "GetParametersByPath"
            if asked("withDecryption").is_some_and(|word| word.raw() == "true") =>
        {
            Act::SensitiveAccess
        }
        "GetObject" | "GetSnapshotBlock" => Act::Download,
        "ModifySnapshotAttribute"
        | "ModifyImageAttribute"
        | "ModifyDBSnapshotAttribute"
        | "ModifyDBClusterSnapshotAttribute"
            if gives_away(record) =>
        {
            Act::Share
        }
        _ if weakens(record, action) => Act::DefenceWeakened,
        // Findings are made to look done with.
        "DeleteInsight" | "UpdateInsight" | "UpdateFindings" => Act::ProtectionChanged,
        _ => return None,
    })
}

fn is_admin(policy: &str) -> bool {
    policy.ends_with("/AdministratorAccess")
        || policy.ends_with("/IAMFullAccess")
        || policy.ends_with("/PowerUserAccess")
}

/// Tells whether a policy allows every action.
fn allows_all(policy: &Untrusted) -> bool {
    let Ok(document) = Value::read(policy.raw()) else {
        return false;
    };
    let statements = match document.get("Statement") {
        Some(Value::Array(all)) => all.as_slice(),
        Some(one) => std::slice::from_ref(one),
        None => &[],
    };
    statements.iter().any(|one| {
        let everything = |value: &Value| value == "*" || value == "*:*";
        let action = match one.get("Action") {
            Some(Value::Array(all)) => all.iter().any(everything),
            Some(action) => everything(action),
            None => false,
        };
        action && one.get("Effect").and_then(Value::as_str) == Some("Allow")
    })
}

/// Tells whether a change of rights adds somebody.
fn gives_away(record: &Value) -> bool {
    [
        "requestParameters.createVolumePermission.add",
        "requestParameters.launchPermission.add",
        "requestParameters.valuesToAdd",
    ]
    .iter()
    .any(|field| at(record, field).is_some_and(|value| !value.is_null()))
}

fn weakens(record: &Value, action: &str) -> bool {
    match action {
        "StopLogging"
        | "DeleteTrail"
        | "DeleteDetector"
        | "DeleteFlowLogs"
        | "StopConfigurationRecorder"
        | "DeleteConfigurationRecorder"
        | "DisableSecurityHub"
        | "DisassociateFromMasterAccount"
        | "DisassociateFromAdministratorAccount"
        | "LeaveOrganization"
        | "DeleteAccountPublicAccessBlock"
        | "DeleteBucketPublicAccessBlock"
        | "DeleteBucketEncryption"
        | "DeleteEventDataStore"
        | "DeleteLogGroup"
        | "DeleteLogStream"
        | "DeleteDeliveryChannel"
        | "DeleteConfigRule"
        | "DeleteMembers"
        | "DisassociateMembers"
        | "StopMonitoringMembers"
        | "DeletePublishingDestination"
        | "DisableMacie" => true,
        "UpdateDetector" => {
            text(record, "requestParameters.enable").is_some_and(|word| word.raw() == "false")
        }
        "PutBucketVersioning" => {
            let field = "requestParameters.VersioningConfiguration.MfaDelete";
            text(record, field).is_some_and(|word| word.raw() == "Disabled")
        }
        _ => false,
    }
}
