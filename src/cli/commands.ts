import type { Command } from "./command.ts";
import { adoptCommand } from "./commands/adopt.ts";
import { backupCommand } from "./commands/backup.ts";
import { backupListCommand } from "./commands/backup_list.ts";
import { backupPruneCommand } from "./commands/backup_prune.ts";
import { backupVerifyCommand } from "./commands/backup_verify.ts";
import { checkCommand } from "./commands/check.ts";
import { completionsCommand } from "./commands/completions.ts";
import { createCommand } from "./commands/create.ts";
import { currentCommand } from "./commands/current.ts";
import { downgradeCommand } from "./commands/downgrade.ts";
import { generateCommand } from "./commands/generate.ts";
import { historyCommand } from "./commands/history.ts";
import { restoreCommand } from "./commands/restore.ts";
import { scheduleCommand } from "./commands/schedule.ts";
import { rebaseCommand } from "./commands/rebase.ts";
import { stampCommand } from "./commands/stamp.ts";
import { statusCommand } from "./commands/status.ts";
import { upgradeCommand } from "./commands/upgrade.ts";
import { verifyCommand } from "./commands/verify.ts";

/** All commands, in the order in which help lists them. */
export const commands: readonly Command[] = [
  statusCommand,
  upgradeCommand,
  downgradeCommand,
  currentCommand,
  historyCommand,
  stampCommand,
  adoptCommand,
  backupCommand,
  backupListCommand,
  backupVerifyCommand,
  backupPruneCommand,
  restoreCommand,
  generateCommand,
  createCommand,
  checkCommand,
  rebaseCommand,
  verifyCommand,
  scheduleCommand,
  completionsCommand,
];
