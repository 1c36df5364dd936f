import { refuseControls, unholdable } from "../../base/one_line.ts";
import { shownText } from "../../base/shown_text.ts";

/** What the units are made of. Paths are absolute. */
export interface UnitPlan {
  /** Of the units, without their endings: `harbor-db-verify`. */
  readonly name: string;
  /** For `systemctl status`: the address without its password. */
  readonly database: string;
  /** The program and its arguments. `%S` stands for systemd's state folder. */
  readonly command: readonly string[];
  /** The backup that is made first; `null` where another program makes them. A run whose backup fails ends there. */
  readonly backup: readonly string[] | null;
  /** Variables that hold no secret. */
  readonly environment: Readonly<Record<string, string>>;
  /** Variables whose values are in files that systemd hands over, whoever may read them, and the paths of these. */
  readonly credentials: Readonly<Record<string, string>>;
  /** Whether it asks for anything over the network. */
  readonly needsNetwork: boolean;
  /** The file with the variables that do. */
  readonly environmentFile: string;
  /** Whether the service can work without that file. */
  readonly isEnvironmentFileOptional: boolean;
  /** `HH:MM`. */
  readonly at: string;
  /** Where it keeps its log, below systemd's folder for that. */
  readonly stateFolder: string;
  /** How long a run may take before systemd ends it, in seconds. */
  readonly timeoutSeconds: number;
  /** Who runs it: a user; `null` for one that systemd makes up; `undefined` in a user's own systemd. */
  readonly user: string | null | undefined;
  /** Folders and files that it reads, as far as they are known. */
  readonly reads: readonly string[];
  /** Folders that it writes its report, metrics and log to. */
  readonly writes: readonly string[];
  /** The unit to start when a run ends badly; `null` for one that comes with it. */
  readonly onFailure: string | null;
}

export interface UnitFile {
  readonly name: string;
  readonly text: string;
}

/**
 * Returns a service that runs the plan, a timer that starts it, and a service that is started when it fails.
 *
 * @throws {HarborError} `usage` for a value that a unit cannot hold
 * Source: systemd.exec(5), systemd.timer(5), systemd.syntax(7)
 */
export function renderUnits(plan: UnitPlan): readonly UnitFile[] {
  const { name, onFailure } = plan;
  refuseUnholdable(plan);
  return [
    { name: `${name}.service`, text: renderService(plan) },
    { name: `${name}.timer`, text: renderTimer(plan) },
    ...onFailure === null ? [{ name: `${failureName(name)}.service`, text: renderFailure(plan) }] : [],
  ];
}

/** In an error. */
const language = "a systemd unit";

/** What systemd takes for the name of a unit; `%n` and others of its own words may stand in it. */
const unitName = /^[\w:.\\@%-]+\.(service|target|timer|socket|path|mount|automount|slice|scope|swap|device)$/;

function refuseUnholdable(
  { command, backup, environment, credentials, environmentFile, user, reads, writes, onFailure }: UnitPlan,
): void {
  const [program = "", ...args] = [...command, ...backup?.slice(1) ?? []];
  refuseControls([
    ["the program", program],
    ...args.map((arg) => ["the argument", arg] as const),
    ...Object.entries(environment).map(([name, value]) => [name, value] as const),
    ["the file of secrets", environmentFile],
    ...[...Object.values(credentials), ...reads, ...writes].map((path) => ["the path", path] as const),
  ], language);
  const refuse = (what: string, value: string, state: string) => {
    throw unholdable({ what, value, language }, state);
  };
  if (/["'\\]/.test(program)) {
    refuse("the program", program, "systemd runs no program with quotes or \\ in its path");
  }
  // Read as a pattern, and without quotes.
  if (/[*?[\]\\]|^\s|\s$/.test(environmentFile)) {
    refuse(
      "the file of secrets",
      environmentFile,
      "*, ?, [, ], \\ and blanks at its ends mean something else there",
    );
  }
  if (typeof user === "string" && !/^[A-Za-z0-9_][\w.@-]*\$?$/.test(user)) {
    refuse("the user", user, "it is no name of a user");
  }
  if (onFailure !== null && !unitName.test(onFailure)) {
    refuse("--on-failure", onFailure, "it is no name of a unit, such as page-me@%n.service");
  }
}

function failureName(name: string): string {
  return `${name}-failed`;
}

function renderService(plan: UnitPlan): string {
  const { name, database, command, backup, environment, onFailure, timeoutSeconds, user } = plan;
  const { credentials, needsNetwork } = plan;
  return render([
    ["Unit", [
      ["Description", describe(`${workOf(plan)} the database ${database}`)],
      ["OnFailure", onFailure ?? `${failureName(name)}.service`],
      ...needsNetwork
        ? [["After", "network-online.target"], ["Wants", "network-online.target"]] as const
        : [],
    ]],
    ["Service", [
      ["Type", "oneshot"],
      ...[backup, command].filter((each) => each !== null)
        .map((each) => ["ExecStart", each.map(quoteArgument).join(" ")] as const),
      ...Object.entries(environment).map(([key, value]) =>
        ["Environment", quoteValue(`${key}=${value}`)] as const
      ),
      ...Object.entries(credentials).flatMap(([key, path]) => [
        // Of this line systemd reads the whole rest as the path.
        ["LoadCredential", `${key}:${escapeSpecifiers(path)}`] as const,
        ["Environment", `"${key}_FILE=%d/${key}"`] as const,
      ]),
      [
        "EnvironmentFile",
        `${plan.isEnvironmentFileOptional ? "-" : ""}${escapeSpecifiers(plan.environmentFile)}`,
      ],
      "A run ends by itself; this is for one that cannot.",
      ["TimeoutStartSec", String(timeoutSeconds)],
      ["StateDirectory", plan.stateFolder],
      ["UMask", "0027"],
      ...user === undefined
        ? []
        : user === null
        ? [["DynamicUser", "yes"]] as const
        : [["User", user]] as const,
      ["Nice", "10"],
      ["IOSchedulingClass", "idle"],
      "It reads, and writes its own files only.",
      ...sandbox(plan),
    ]],
  ]);
}

type Line = readonly [key: string, value: string] | string;

function sandbox({ user, reads, writes }: UnitPlan): readonly Line[] {
  const anywhere: readonly Line[] = [
    ["NoNewPrivileges", "yes"],
    ["LockPersonality", "yes"],
    ["RestrictRealtime", "yes"],
    ["RestrictSUIDSGID", "yes"],
    ["SystemCallArchitectures", "native"],
    ["RestrictAddressFamilies", "AF_UNIX AF_INET AF_INET6"],
  ];
  // A user's own systemd may not do the rest.
  if (user === undefined) return anywhere;
  const isUsed = (folders: RegExp) => [...reads, ...writes].some((path) => folders.test(path));
  const paths = (key: string, folders: readonly string[]): readonly Line[] =>
    folders.length === 0 ? [] : [[key, folders.map((path) => quoteValue(`-${path}`)).join(" ")]];
  return [
    ...anywhere,
    ["ProtectSystem", "strict"],
    ["ProtectHome", isUsed(/^\/(home|root|run\/user)(\/|$)/) ? "read-only" : "yes"],
    ...paths("ReadOnlyPaths", reads.filter((path) => !writes.includes(path))),
    ...paths("ReadWritePaths", writes),
    ["PrivateTmp", isUsed(/^\/(var\/)?tmp(\/|$)/) ? "no" : "yes"],
    ["PrivateDevices", "yes"],
    ["ProtectClock", "yes"],
    ["ProtectControlGroups", "yes"],
    ["ProtectHostname", "yes"],
    ["ProtectKernelLogs", "yes"],
    ["ProtectKernelModules", "yes"],
    ["ProtectKernelTunables", "yes"],
    ["RestrictNamespaces", "yes"],
    ["CapabilityBoundingSet", ""],
    ["SystemCallFilter", "@system-service"],
  ];
}

/** What a run does, as a sentence begins. */
function workOf({ backup }: UnitPlan): string {
  return backup === null ? "Verify" : "Back up and verify";
}

function renderTimer(plan: UnitPlan): string {
  const { name, database, at } = plan;
  return render([
    ["Unit", [[
      "Description",
      describe(`Every night: ${workOf(plan).toLowerCase()} the database ${database}`),
    ]]],
    ["Timer", [
      ["OnCalendar", `*-*-* ${at}:00`],
      "Not all hosts at the same moment.",
      ["RandomizedDelaySec", "30min"],
      "After a night in which the host was off, as soon as it is on.",
      ["Persistent", "yes"],
      ["Unit", `${name}.service`],
    ]],
    ["Install", [["WantedBy", "timers.target"]]],
  ]);
}

/** Returns the command that shows what a service printed. */
export function journalOf({ name, user }: Pick<UnitPlan, "name" | "user">): string {
  return `journalctl ${user === undefined ? "--user " : ""}--unit ${name}`;
}

function renderFailure(plan: UnitPlan): string {
  const { name } = plan;
  const words = `${name} failed; see: ${journalOf(plan)}`;
  return render([
    ["Unit", [["Description", `Say that ${name} failed`]]],
    ["Service", [
      ["Type", "oneshot"],
      "Put here what reaches you: mail, a chat, a pager.",
      [
        "ExecStart",
        ["/usr/bin/logger", "--priority", "daemon.err", "--tag", "harbor-db", words].map(quoteArgument).join(
          " ",
        ),
      ],
    ]],
  ]);
}

function render(sections: readonly (readonly [name: string, lines: readonly Line[]])[]): string {
  return sections.map(([name, lines]) =>
    [
      `[${name}]`,
      ...lines.map((line) => typeof line === "string" ? `# ${line}` : `${line[0]}=${line[1]}`),
      "",
    ].join("\n")
  ).join("\n");
}

/** A text for people, of which nothing is a line break, a word of systemd's, or joins the next line. */
function describe(text: string): string {
  return escapeSpecifiers(shownText(text)).replace(/\\$/, "\\ (its last character)");
}

/** Writes a word of a command line; `%S` at its beginning stays systemd's. */
function quoteArgument(word: string): string {
  const text = word.startsWith("%S/") ? `%S${escapeSpecifiers(word.slice(2))}` : escapeSpecifiers(word);
  const escaped = text.replaceAll("$", "$$$$");
  return /^[\w%$/.,:=@+-]+$/.test(escaped) ? escaped : `"${escapeQuoted(escaped)}"`;
}

/** Writes a word of a list in which `$` is a letter like others. */
function quoteValue(word: string): string {
  return `"${escapeQuoted(escapeSpecifiers(word))}"`;
}

function escapeQuoted(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll('"', '\\"');
}

function escapeSpecifiers(text: string): string {
  return text.replaceAll("%", "%%");
}
