import type { Command, CommandBody, Heading } from "../cli/command.ts";

/** A command that is loaded when it is asked for: to load all of them takes longer than to run most. */
export interface CommandEntry extends Heading {
  load(): Promise<CommandBody>;
}

/** All commands, in the order in which help lists them. */
export const commandEntries: readonly CommandEntry[] = [
  {
    name: "status",
    summary: "say where the database stands",
    load: async () => (await import("./status.ts")).statusCommand,
  },
  {
    name: "upgrade",
    summary: "apply what is pending",
    arguments: [{
      name: "[target]",
      summary: "head (the default), a revision or the beginning of one, or +n",
    }],
    load: async () => (await import("./migrate/upgrade.ts")).upgradeCommand,
  },
  {
    name: "downgrade",
    summary: "undo revisions",
    arguments: [{ name: "<target>", summary: "base, a revision or the beginning of one, or -n" }],
    load: async () => (await import("./migrate/downgrade.ts")).downgradeCommand,
  },
  {
    name: "current",
    summary: "print the revision that the database is at",
    load: async () => (await import("./current.ts")).currentCommand,
  },
  {
    name: "history",
    summary: "list all revisions, and which are applied",
    load: async () => (await import("./history.ts")).historyCommand,
  },
  {
    name: "stamp",
    summary: "set the version table without running anything",
    arguments: [{ name: "<target>", summary: "head, base, a revision or the beginning of one, +n or -n" }],
    load: async () => (await import("./stamp.ts")).stampCommand,
  },
  {
    name: "adopt",
    summary: "take over a database that harbor-db did not make",
    load: async () => (await import("./migrate/adopt.ts")).adoptCommand,
  },
  {
    name: "kept",
    summary: "list what steps put aside instead of destroying it",
    load: async () => (await import("./kept/list.ts")).keptCommand,
  },
  {
    name: "kept list",
    summary: "list kept data: what, of which revision, since when and how much",
    load: async () => (await import("./kept/list.ts")).keptListCommand,
  },
  {
    name: "kept drop",
    summary: "let go of kept data",
    arguments: [{ name: "[id]", summary: "its number, as kept list shows it" }],
    load: async () => (await import("./kept/drop.ts")).keptDropCommand,
  },
  {
    name: "kept prune",
    summary: "forget what is kept of rows that the application has deleted since",
    load: async () => (await import("./kept/prune.ts")).keptPruneCommand,
  },
  {
    name: "kept return",
    summary: "put back what stayed kept when the rest came back",
    load: async () => (await import("./kept/return.ts")).keptReturnCommand,
  },
  {
    name: "backup",
    summary: "copy the database and prove the copy",
    load: async () => (await import("./backup/backup.ts")).backupCommand,
  },
  {
    name: "backup list",
    summary: "list the backups in the folder",
    load: async () => (await import("./backup/list.ts")).backupListCommand,
  },
  {
    name: "backup verify",
    summary: "prove a backup again",
    arguments: [{ name: "<backup>", summary: "its file, its id or the beginning of it, or latest" }],
    load: async () => (await import("./backup/verify.ts")).backupVerifyCommand,
  },
  {
    name: "backup copy",
    summary: "bring a backup into a bucket",
    arguments: [{ name: "<backup>", summary: "its file, its id or the beginning of it, or latest" }],
    load: async () => (await import("./backup/copy.ts")).backupCopyCommand,
  },
  {
    name: "backup delete",
    summary: "remove one backup",
    arguments: [{ name: "<backup>", summary: "its file, or its id or the beginning of it" }],
    load: async () => (await import("./backup/delete.ts")).backupDeleteCommand,
  },
  {
    name: "backup prune",
    summary: "remove the backups that no rule keeps",
    load: async () => (await import("./backup/prune.ts")).backupPruneCommand,
  },
  {
    name: "restore",
    summary: "put a backup in the place of the database",
    arguments: [{ name: "<backup>", summary: "its file, its id or the beginning of it, or latest" }],
    load: async () => (await import("./backup/restore.ts")).restoreCommand,
  },
  {
    name: "generate",
    summary: "write a new revision of what changed in schema.ts",
    arguments: [{ name: "[name]", summary: 'what changes, in words: "Add user settings"' }],
    load: async () => (await import("./author/generate.ts")).generateCommand,
  },
  {
    name: "create",
    summary: "write a new revision: of what changed in schema.ts, or an empty one to fill in",
    arguments: [{ name: "<name>", summary: 'what changes, in words: "Clean up old uploads"' }],
    load: async () => (await import("./author/create.ts")).createCommand,
  },
  {
    name: "drop",
    summary: "take back the newest revision, in the files",
    arguments: [{
      name: "[revision]",
      summary: "the one that is meant, to be sure; else whichever is the newest",
    }],
    load: async () => (await import("./author/drop.ts")).dropCommand,
  },
  {
    name: "squash",
    summary: "make one revision of several that databases have",
    arguments: [{ name: "<revision>", summary: "the last of them" }],
    load: async () => (await import("./author/squash.ts")).squashCommand,
  },
  {
    name: "check",
    summary: "check the history on disk, its scripts and schema.ts, for CI",
    load: async () => (await import("./author/check.ts")).checkCommand,
  },
  {
    name: "rebase",
    summary: "put revisions behind those of another branch, after a merge",
    arguments: [{
      name: "[revision]",
      summary: "the first to move, with all that follow it; else those that the other branch does not have",
    }],
    load: async () => (await import("./author/rebase.ts")).rebaseCommand,
  },
  {
    name: "verify",
    summary: "check the database, its rows and its backups, for cron",
    load: async () => (await import("./verify/verify.ts")).verifyCommand,
  },
  {
    name: "schedule",
    summary: "print a systemd service and timer, or a crontab line, that runs verify",
    load: async () => (await import("./schedule/schedule.ts")).scheduleCommand,
  },
  {
    name: "config",
    summary: "show what is set, and where each value comes from",
    load: async () => (await import("./config/config.ts")).configCommand,
  },
  {
    name: "version",
    summary: "print version, commit and runtime",
    load: async () => (await import("./version.ts")).versionCommand,
  },
  {
    name: "completions",
    summary: "print the completion script of a shell",
    arguments: [{ name: "<shell>", summary: "bash, zsh or fish" }],
    load: async () => (await import("./completions.ts")).completionsCommand,
  },
];

/** Loads the commands that a command line may mean: those that it names. */
export function commandsFor(args: readonly string[]): Promise<readonly Command[]> {
  return Promise.all(
    commandEntries.filter(({ name }) => args.includes(name.split(" ")[0]!)).map(loadCommand),
  );
}

/** Loads one command. */
export async function loadCommand({ load, ...heading }: CommandEntry): Promise<Command> {
  return { ...heading, ...await load() };
}
