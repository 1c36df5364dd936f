import type { Command } from "../cli/command.ts";

/** A command that is loaded when it is asked for: to load all of them takes longer than to run most. */
export interface CommandEntry {
  /** As in {@link Command}. */
  readonly name: string;
  load(): Promise<Command>;
}

/** All commands, in the order in which help lists them. */
export const commandEntries: readonly CommandEntry[] = [
  { name: "status", load: async () => (await import("./status.ts")).statusCommand },
  { name: "upgrade", load: async () => (await import("./migrate/upgrade.ts")).upgradeCommand },
  { name: "downgrade", load: async () => (await import("./migrate/downgrade.ts")).downgradeCommand },
  { name: "current", load: async () => (await import("./current.ts")).currentCommand },
  { name: "history", load: async () => (await import("./history.ts")).historyCommand },
  { name: "stamp", load: async () => (await import("./stamp.ts")).stampCommand },
  { name: "adopt", load: async () => (await import("./migrate/adopt.ts")).adoptCommand },
  { name: "kept", load: async () => (await import("./kept/list.ts")).keptCommand },
  { name: "kept list", load: async () => (await import("./kept/list.ts")).keptListCommand },
  { name: "kept drop", load: async () => (await import("./kept/drop.ts")).keptDropCommand },
  { name: "kept prune", load: async () => (await import("./kept/prune.ts")).keptPruneCommand },
  { name: "backup", load: async () => (await import("./backup/backup.ts")).backupCommand },
  { name: "backup list", load: async () => (await import("./backup/list.ts")).backupListCommand },
  {
    name: "backup verify",
    load: async () => (await import("./backup/verify.ts")).backupVerifyCommand,
  },
  { name: "backup copy", load: async () => (await import("./backup/copy.ts")).backupCopyCommand },
  { name: "backup delete", load: async () => (await import("./backup/delete.ts")).backupDeleteCommand },
  { name: "backup prune", load: async () => (await import("./backup/prune.ts")).backupPruneCommand },
  { name: "restore", load: async () => (await import("./backup/restore.ts")).restoreCommand },
  { name: "generate", load: async () => (await import("./author/generate.ts")).generateCommand },
  { name: "create", load: async () => (await import("./author/create.ts")).createCommand },
  { name: "drop", load: async () => (await import("./author/drop.ts")).dropCommand },
  { name: "squash", load: async () => (await import("./author/squash.ts")).squashCommand },
  { name: "check", load: async () => (await import("./author/check.ts")).checkCommand },
  { name: "rebase", load: async () => (await import("./author/rebase.ts")).rebaseCommand },
  { name: "verify", load: async () => (await import("./verify/verify.ts")).verifyCommand },
  { name: "schedule", load: async () => (await import("./schedule/schedule.ts")).scheduleCommand },
  { name: "config", load: async () => (await import("./config/config.ts")).configCommand },
  { name: "version", load: async () => (await import("./version.ts")).versionCommand },
  { name: "completions", load: async () => (await import("./completions.ts")).completionsCommand },
];

/** Loads the commands that a command line may mean: those that it names, or all of them when it names none. */
export function commandsFor(args: readonly string[]): Promise<readonly Command[]> {
  const named = commandEntries.filter(({ name }) => args.includes(name.split(" ")[0]!));
  const wanted = named.length === 0 || args.includes("help") ? commandEntries : named;
  return Promise.all(wanted.map((entry) => entry.load()));
}
