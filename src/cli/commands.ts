import type { Command } from "./command.ts";

/** A command that is loaded when it is asked for: to load all of them takes longer than to run most. */
export interface CommandEntry {
  /** As in {@link Command}. */
  readonly name: string;
  load(): Promise<Command>;
}

/** All commands, in the order in which help lists them. */
export const commandEntries: readonly CommandEntry[] = [
  { name: "status", load: async () => (await import("./commands/status.ts")).statusCommand },
  { name: "upgrade", load: async () => (await import("./commands/upgrade.ts")).upgradeCommand },
  { name: "downgrade", load: async () => (await import("./commands/downgrade.ts")).downgradeCommand },
  { name: "current", load: async () => (await import("./commands/current.ts")).currentCommand },
  { name: "history", load: async () => (await import("./commands/history.ts")).historyCommand },
  { name: "stamp", load: async () => (await import("./commands/stamp.ts")).stampCommand },
  { name: "adopt", load: async () => (await import("./commands/adopt.ts")).adoptCommand },
  { name: "backup", load: async () => (await import("./commands/backup.ts")).backupCommand },
  { name: "backup list", load: async () => (await import("./commands/backup_list.ts")).backupListCommand },
  {
    name: "backup verify",
    load: async () => (await import("./commands/backup_verify.ts")).backupVerifyCommand,
  },
  { name: "backup prune", load: async () => (await import("./commands/backup_prune.ts")).backupPruneCommand },
  { name: "restore", load: async () => (await import("./commands/restore.ts")).restoreCommand },
  { name: "generate", load: async () => (await import("./commands/generate.ts")).generateCommand },
  { name: "create", load: async () => (await import("./commands/create.ts")).createCommand },
  { name: "check", load: async () => (await import("./commands/check.ts")).checkCommand },
  { name: "rebase", load: async () => (await import("./commands/rebase.ts")).rebaseCommand },
  { name: "verify", load: async () => (await import("./commands/verify.ts")).verifyCommand },
  { name: "schedule", load: async () => (await import("./commands/schedule.ts")).scheduleCommand },
  {
    name: "completions",
    load: async () => (await import("./commands/completions.ts")).completionsCommand(() => commandsFor([])),
  },
];

/** Loads the commands that a command line may mean: those that it names, or all of them when it names none. */
export function commandsFor(args: readonly string[]): Promise<readonly Command[]> {
  const named = commandEntries.filter(({ name }) => args.includes(name.split(" ")[0]!));
  const wanted = named.length === 0 || args.includes("help") ? commandEntries : named;
  return Promise.all(wanted.map((entry) => entry.load()));
}
