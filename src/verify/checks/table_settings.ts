import { foldName } from "../../base/fold_name.ts";
import type { Dialect } from "../../base/dialect.ts";
import type { Found } from "../../base/finding.ts";
import type { Table } from "../../schema/snapshot.ts";
import type { Database } from "../../engines/database.ts";
import type { SilentHarm, TableSetting, UnsaidPart } from "../../engines/inspector.ts";
import { loadInspector } from "../../engines/open/inspector.ts";
import { isMadeBy } from "../rules/made_by_script.ts";
import { firingOf } from "../rules/left_triggers.ts";
import { leftSettings } from "../rules/table_settings.ts";
import { quoteTable } from "../../sql/table_names.ts";

const saidBy: Readonly<Record<Dialect, typeof leftSettings>> = {
  sqlite: () => ({ left: [], perhaps: [] }),
  postgresql: leftSettings,
};

/** Returns what hides rows or loses them and no script says, and what a script says and is not there any more. */
export async function oddSettings(
  database: Database,
  { tables, statements, guarded = [] }: {
    readonly tables: readonly Table[];
    readonly statements: readonly string[];
    /** The tables to which the schema gives policies: a bridge enables for them what no script had to. */
    readonly guarded?: readonly string[];
  },
): Promise<readonly Found[]> {
  const found = await (await loadInspector(database.dialect)).tableSettings(database);
  const { left, perhaps } = saidBy[database.dialect](statements);
  const isSame = (a: TableSetting) => (b: TableSetting) => a.setting === b.setting && a.table === b.table;
  return tables.flatMap(({ name: table }) =>
    settingKinds.flatMap(({ setting, on, off, extra, missing }): readonly Found[] => {
      const each = { table, setting };
      const there = found.find(isSame(each));
      const [isOn, isMeant] = [there !== undefined, left.some(isSame(each))];
      const message = isOn ? extra : missing;
      if (isOn === isMeant || message === null || perhaps.includes(setting)) return [];
      if (isOn && setting === "row-level security" && guarded.includes(table)) return [];
      // Who wrote policies wants them to hold: to switch them off would show what they hide.
      const isGuarded = there?.hasPolicy === true && setting === "row-level security";
      return [{
        status: isGuarded ? "warn" : "fail",
        message: `table ${table}: ${message}`,
        hint: isGuarded
          ? "What is meant belongs into a revision."
          : `ALTER TABLE ${quoteTable(table, database.schemas)} ${isOn ? off : on};`,
        details: { kind: isOn ? "extra" : "missing", path: `${setting} of ${table}` },
      }];
    })
  );
}

/** Returns what is in no snapshot and loses rows, hides them or lets them be wrong without an error, and no script means. */
export function silentHarms(
  parts: readonly UnsaidPart[],
  { statements, dialect }: { readonly statements: readonly string[]; readonly dialect: Dialect },
): readonly Found[] {
  const texts = parts.length === 0
    ? []
    : statements.map((each) => foldName(each).replaceAll('"', "").replaceAll(/\s+/g, " "));
  const isSaid = (table: string, meant: SilentHarm["meant"]) => {
    if (!("trigger" in meant)) {
      return texts.some((each) => meant.every((word) => each.includes(foldName(word))));
    }
    return [meant.fires, "not to be told"].includes(firingOf({ table, name: meant.trigger }, statements));
  };
  return parts.flatMap(({ table, words, harm }): readonly Found[] => {
    if (harm === undefined) return [];
    const { state, remedy, meant, of } = harm;
    const isMeant = isSaid(table, meant);
    const isStrangers = of !== undefined && !isMadeBy(of, statements, dialect);
    if (isMeant || isStrangers) return [];
    return [{
      status: "fail",
      message: `${table}: ${state}`,
      hint: remedy,
      details: { kind: "extra", path: `${words} of ${table}` },
    }];
  });
}

const settingKinds = [
  {
    setting: "row-level security",
    on: "ENABLE ROW LEVEL SECURITY",
    off: "DISABLE ROW LEVEL SECURITY",
    extra:
      "row-level security is enabled, which no revision does: other roles than its owner may see no rows",
    missing:
      "row-level security is disabled, which a revision's script enables: every role that may read it sees all rows",
  },
  {
    setting: "forced row-level security",
    on: "FORCE ROW LEVEL SECURITY",
    off: "NO FORCE ROW LEVEL SECURITY",
    extra: "row-level security is forced on its owner, too, which no revision does: it may see no rows",
    missing: null,
  },
  {
    setting: "unlogged",
    on: "SET UNLOGGED",
    off: "SET LOGGED",
    extra: "it is unlogged, which no revision does: a crash of the server empties it",
    // It is safer than it was meant to be.
    missing: null,
  },
] as const;
