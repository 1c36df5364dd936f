/** What the units are made of. Paths are absolute. */
export interface UnitPlan {
  /** Of the units, without their endings: `harbor-db-verify`. */
  readonly name: string;
  /** For `systemctl status`: the address without its password. */
  readonly database: string;
  /** The program and its arguments. `%S` stands for systemd's state folder. */
  readonly command: readonly string[];
  /** Variables that hold no secret. */
  readonly environment: Readonly<Record<string, string>>;
  /** The file with the variables that do. */
  readonly environmentFile: string;
  /** Whether the service can work without that file. */
  readonly isEnvironmentFileOptional: boolean;
  /** `HH:MM`. */
  readonly at: string;
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
 * Source: systemd.exec(5), systemd.timer(5), systemd.syntax(7)
 */
export function renderUnits(plan: UnitPlan): readonly UnitFile[] {
  const { name, onFailure } = plan;
  return [
    { name: `${name}.service`, text: renderService(plan) },
    { name: `${name}.timer`, text: renderTimer(plan) },
    ...onFailure === null ? [{ name: `${failureName(name)}.service`, text: renderFailure(name) }] : [],
  ];
}

function failureName(name: string): string {
  return `${name}-failed`;
}

function renderService(plan: UnitPlan): string {
  const { name, database, command, environment, onFailure, timeoutSeconds, user } = plan;
  const needsNetwork = !/^(sqlite|file):/.test(database);
  return render([
    ["Unit", [
      ["Description", `Verify the database ${escapeSpecifiers(database)}`],
      ["OnFailure", onFailure ?? `${failureName(name)}.service`],
      ...needsNetwork
        ? [["After", "network-online.target"], ["Wants", "network-online.target"]] as const
        : [],
    ]],
    ["Service", [
      ["Type", "oneshot"],
      ["ExecStart", command.map(quoteWord).join(" ")],
      ...Object.entries(environment).map(([key, value]) =>
        ["Environment", `"${escapeSpecifiers(escapeQuoted(`${key}=${value}`))}"`] as const
      ),
      [
        "EnvironmentFile",
        `${plan.isEnvironmentFileOptional ? "-" : ""}${escapeSpecifiers(plan.environmentFile)}`,
      ],
      "A run ends by itself; this is for one that cannot.",
      ["TimeoutStartSec", String(timeoutSeconds)],
      ["StateDirectory", "harbor-db"],
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
    folders.length === 0 ? [] : [[key, folders.map((path) => quoteWord(`-${path}`)).join(" ")]];
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

function renderTimer({ name, database, at }: UnitPlan): string {
  return render([
    ["Unit", [["Description", `Every night: verify the database ${escapeSpecifiers(database)}`]]],
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

function renderFailure(name: string): string {
  const words = `${name} failed; see: journalctl --unit ${name}`;
  return render([
    ["Unit", [["Description", `Say that ${name} failed`]]],
    ["Service", [
      ["Type", "oneshot"],
      "Put here what reaches you: mail, a chat, a pager.",
      [
        "ExecStart",
        ["/usr/bin/logger", "--priority", "daemon.err", "--tag", "harbor-db", words].map(quoteWord).join(" "),
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

/** Writes a word of a command line; `%S` at its beginning stays systemd's. */
function quoteWord(word: string): string {
  const text = word.startsWith("%S/") ? `%S${escapeSpecifiers(word.slice(2))}` : escapeSpecifiers(word);
  const escaped = text.replaceAll("$", "$$$$");
  return /^[\w%$/.,:=@+-]+$/.test(escaped) ? escaped : `"${escapeQuoted(escaped)}"`;
}

function escapeQuoted(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}

function escapeSpecifiers(text: string): string {
  return text.replaceAll("%", "%%");
}
