import assert from "node:assert/strict";
import { test } from "node:test";
import { renderUnits, type UnitPlan } from "../../src/verify/schedule/systemd_units.ts";

const plan: UnitPlan = {
  name: "harbor-db-verify",
  database: "sqlite:////srv/app/openharbor.db",
  command: ["/usr/bin/harbor-db", "verify"],
  environment: {},
  environmentFile: "/etc/harbor-db/verify.env",
  isEnvironmentFileOptional: true,
  at: "03:45",
  timeoutSeconds: 60,
  user: "app",
  reads: [],
  writes: [],
  onFailure: null,
};

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
