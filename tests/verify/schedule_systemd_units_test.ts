import assert from "node:assert/strict";
import { test } from "node:test";
import { renderUnits, type UnitPlan } from "../../src/verify/schedule/systemd_units.ts";

const plan: UnitPlan = {
  name: "harbor-db-verify",
  database: "sqlite:////srv/app/openharbor.db",
  command: ["/usr/bin/harbor-db", "verify"],
  backup: null,
  environment: {},
  credentials: {},
  needsNetwork: false,
  environmentFile: "/etc/harbor-db/verify.env",
  isEnvironmentFileOptional: true,
  at: "03:45",
  stateFolder: "harbor-db",
  timeoutSeconds: 60,
  user: "app",
  reads: [],
  writes: [],
  onFailure: null,
};

/** The texts of the units by name, as lines. */
function units(facts: Partial<UnitPlan> = {}): ReadonlyMap<string, readonly string[]> {
  return new Map(renderUnits({ ...plan, ...facts }).map(({ name, text }) => [name, text.split("\n")]));
}

const service = (facts: Partial<UnitPlan> = {}) => units(facts).get("harbor-db-verify.service")!;

// One row a rule: the plan, lines that the service has, and what begins none of its lines.
const services: readonly (readonly [
  rule: string,
  facts: Partial<UnitPlan>,
  lines: readonly string[],
  never: readonly string[],
])[] = [
  ["needs no network for a file", {}, ["ExecStart=/usr/bin/harbor-db verify"], ["After=", "Wants="]],
  ["waits for the network where it needs it", { database: "postgresql://u@h/db", needsNetwork: true }, [
    "Description=Verify the database postgresql://u@h/db",
    "After=network-online.target",
    "Wants=network-online.target",
  ], []],
  ["runs as a user", { user: "app" }, ["User=app", "ProtectSystem=strict"], ["DynamicUser="]],
  ["runs as a made-up user", { user: null }, ["DynamicUser=yes", "ProtectSystem=strict"], ["User="]],
  ["asks a user's own systemd for no more than it may", { user: undefined }, ["NoNewPrivileges=yes"], [
    "User=",
    "DynamicUser=",
    "ProtectSystem=",
    "PrivateTmp=",
  ]],
  ["works without the file of secrets", {}, ["EnvironmentFile=-/etc/harbor-db/verify.env"], []],
  ["needs the file of secrets", { isEnvironmentFileOptional: false }, [
    "EnvironmentFile=/etc/harbor-db/verify.env",
  ], []],
  ["starts the unit that is named when it fails", { onFailure: "page@%n.service" }, [
    "OnFailure=page@%n.service",
  ], []],
  ["starts its own when it fails", {}, ["OnFailure=harbor-db-verify-failed.service"], []],
  ["ends a run that does not end", { timeoutSeconds: 600 }, ["TimeoutStartSec=600"], []],
  [
    "writes words so that systemd reads them as they are",
    { command: ["/opt/a b/harbor-db", "50%", "$HOME", 'say "\\"', "%S/harbor-db/50%.html", "x%S/y"] },
    [`ExecStart="/opt/a b/harbor-db" 50%% $$HOME "say \\"\\\\\\"" %S/harbor-db/50%%.html x%%S/y`],
    [],
  ],
  ["hands a secret's file over, whoever may read it", { credentials: { TOKEN: "/etc/50% of it" } }, [
    "LoadCredential=TOKEN:/etc/50%% of it",
    'Environment="TOKEN_FILE=%d/TOKEN"',
  ], []],
  ["writes variables so that systemd reads them as they are", { environment: { A: 'x "50%"', B: "$y" } }, [
    'Environment="A=x \\"50%%\\""',
    'Environment="B=$y"',
  ], []],
  ["escapes percent signs in addresses and paths", {
    database: "sqlite:///50%.db",
    environmentFile: "/etc/50%.env",
  }, [
    "Description=Verify the database sqlite:///50%%.db",
    "EnvironmentFile=-/etc/50%%.env",
  ], []],
];
for (const [rule, facts, lines, never] of services) {
  test(`a service ${rule}`, () => {
    const text = service(facts);
    for (const line of lines) assert.ok(text.includes(line), `${line} is not in\n${text.join("\n")}`);
    for (const start of never) assert.ok(!text.some((line) => line.startsWith(start)), start);
  });
}

test("a folder that is written is not said to be read only as well", () => {
  const text = service({ reads: ["/srv/app", "/srv/data"], writes: ["/srv/data"] }).join("\n");
  const only = /^ReadOnlyPaths=(.*)$/m.exec(text)?.[1] ?? "";
  const write = /^ReadWritePaths=(.*)$/m.exec(text)?.[1] ?? "";
  assert.ok(only.includes("/srv/app") && !only.includes("/srv/data"), only);
  assert.ok(write.includes("/srv/data") && !write.includes("/srv/app"), write);
});

test("a timer starts its service each night, not on all hosts at once", () => {
  const timer = units().get("harbor-db-verify.timer")!;
  for (
    const line of [
      "OnCalendar=*-*-* 03:45:00",
      "RandomizedDelaySec=30min",
      "Persistent=yes",
      "Unit=harbor-db-verify.service",
    ]
  ) assert.ok(timer.includes(line), line);
});

test("what failed is looked at in the journal of whoever runs it", () => {
  const words = (user?: string) => units({ user }).get("harbor-db-verify-failed.service")!.join("\n");
  assert.match(words("app"), /see: journalctl --unit harbor-db-verify"/);
  assert.match(words(), /see: journalctl --user --unit harbor-db-verify"/);
});

test("a unit for failures comes along where none is named", () => {
  assert.deepEqual([...units().keys()], [
    "harbor-db-verify.service",
    "harbor-db-verify.timer",
    "harbor-db-verify-failed.service",
  ]);
  assert.deepEqual([...units({ onFailure: "page.service" }).keys()], [
    "harbor-db-verify.service",
    "harbor-db-verify.timer",
  ]);
});

const cases: readonly (readonly [folder: string, home: string, tmp: string])[] = [
  ["/srv/app", "yes", "yes"],
  ["/srv/home/tmp", "yes", "yes"],
  ["/home/app", "read-only", "yes"],
  ["/root", "read-only", "yes"],
  ["/tmp/app", "yes", "no"],
  ["/var/tmp", "yes", "no"],
  ["/var/tmpfiles", "yes", "yes"],
];

for (const [folder, home, tmp] of cases) {
  for (const place of ["reads", "writes"] as const) {
    test(`a service that ${place} ${folder} can see it`, () => {
      const [service] = renderUnits({ ...plan, [place]: [folder] });
      assert.match(service!.text, new RegExp(`^ProtectHome=${home}$`, "m"));
      assert.match(service!.text, new RegExp(`^PrivateTmp=${tmp}$`, "m"));
    });
  }
}
