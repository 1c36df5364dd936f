import type { Dialect } from "../base/dialect.ts";
import { HarborError } from "../base/errors.ts";
import { parseScript } from "../history/scripts/script.ts";
import { normalizeDrizzleSnapshot } from "../schema/drizzle_snapshot.ts";
import { namedSchemas } from "../schema/named_schemas.ts";
import type { KitEnds } from "../schema/kit_snapshot.ts";
import { hazards } from "./check/rules/hazards.ts";
import { judgeScript } from "./check/rules/judge_script.ts";
import { usualPostgres } from "./check/rules/usual_postgres.ts";
import { readScript } from "./project/read_scripts.ts";

/** Hazards that are meant, and why. */
export type Allowances = ReadonlyMap<string, string>;

/**
 * Reads hazards and reasons as the command line has them: `drop_in_use=release 2.4 stopped reading it`.
 *
 * @throws {HarborError} `usage`
 */
export function parseAllowances(texts: readonly string[]): Allowances {
  return new Map(texts.map((text) => {
    const [, id = "", reason = ""] = /^(\w+)=(.*)$/s.exec(text) ?? [];
    const known = hazards.map((hazard) => hazard.id);
    const state = reason.trim() === ""
      ? "it is not HAZARD=REASON"
      : !known.includes(id)
      ? "there is no such hazard"
      : /[\r\n]|-->/.test(reason)
      ? "a reason is one line, without -->"
      : null;
    if (state === null) return [id, reason.trim()] as const;
    throw new HarborError("usage", `Cannot allow "${text}": ${state}`, {
      hint: `--allow drop_in_use="release 2.4 stopped reading it"; there are ${known.join(", ")}`,
    });
  }));
}

/** Writes above each statement with a hazard that is allowed that it is, and returns the hazards that it met. */
export async function allowHazards(
  text: string,
  { dialect, name, from, to }: KitEnds & { readonly dialect: Dialect; readonly name: string },
  allowances: Allowances,
): Promise<{ readonly text: string; readonly met: readonly string[] }> {
  if (allowances.size === 0) return { text, met: [] };
  const schemas = [...new Set([from, to].flatMap(namedSchemas))];
  const script = await readScript(parseScript({ file: name, dialect, text }), { dialect, schemas });
  const [before, after] = [normalizeDrizzleSnapshot(from), normalizeDrizzleSnapshot(to)];
  const { found } = judgeScript(script, { dialect, version: usualPostgres, name, before, after });
  const above = new Map<number, Set<string>>();
  for (const { hazard: { id }, line, isAllowed } of found) {
    if (!isAllowed && allowances.has(id)) above.set(line, (above.get(line) ?? new Set()).add(id));
  }
  const lines = text.split("\n").flatMap((line, index) => [
    ...[...above.get(index + 1) ?? []].map((id) => `-- harbor:allow ${id} ${allowances.get(id)}`),
    line,
  ]);
  return { text: lines.join("\n"), met: found.map(({ hazard }) => hazard.id) };
}

/** Returns a script without its allowances, and these: as it was before somebody said that its hazards are meant. */
export function withoutAllowances(
  text: string,
): { readonly plain: string; readonly allowances: Allowances } {
  const allowances = new Map<string, string>();
  const plain = text.replace(/^-- harbor:allow (\S+) (.+)\n/gm, (_, id: string, reason: string) => {
    allowances.set(id, reason);
    return "";
  });
  return { plain, allowances };
}

/**
 * Refuses what was allowed and is nowhere.
 *
 * @throws {HarborError} `usage`
 */
export function refuseUnmet(allowances: Allowances, met: readonly string[]): void {
  const unmet = [...allowances.keys()].find((id) => !met.includes(id));
  if (unmet === undefined) return;
  const others = [...new Set(met)].join(", ");
  throw new HarborError("usage", `Cannot allow "${unmet}": no statement of the revision is that`, {
    hint: others === "" ? "Leave --allow out." : `What there is: ${others}.`,
  });
}
