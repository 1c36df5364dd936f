import type { TableSetting } from "../../engines/inspector.ts";
import { commaParts, cursorAt, folded, tokensOf } from "../../sql/cursor.ts";
import { isWord } from "../../sql/lexer.ts";

/** What scripts say of the tables of PostgreSQL. */
export interface SaidSettings {
  /** What they leave set. */
  readonly left: readonly TableSetting[];
  /** What code says that cannot be read: any table may have it. */
  readonly perhaps: readonly TableSetting["setting"][];
}

/**
 * Returns which tables PostgreSQL's statements leave with row-level security or unlogged.
 *
 * @param statements Of the revisions that are applied, in order
 */
export function leftSettings(statements: readonly string[]): SaidSettings {
  let left: readonly TableSetting[] = [];
  const perhaps = new Set<TableSetting["setting"]>();
  const set = (given: TableSetting, isOn: boolean) => {
    const others = left.filter(({ table, setting }) => table !== given.table || setting !== given.setting);
    left = isOn ? [...others, given] : others;
  };
  for (const sql of statements) {
    if (!/\b(?:SECURITY|UNLOGGED|LOGGED|RENAME|DROP)\b/i.test(sql)) continue;
    const tokens = tokensOf(sql, "postgresql").map(folded);
    const cursor = cursorAt(tokens);
    if (cursor.take("CREATE", "UNLOGGED", "TABLE")) {
      cursor.take("IF", "NOT", "EXISTS");
      set({ table: cursor.name(), setting: "unlogged" }, true);
    } else if (cursor.take("DROP", "TABLE")) {
      cursor.take("IF", "EXISTS");
      const names = commaParts(cursor.rest()).map((part) => cursorAt(part).name());
      left = left.filter(({ table }) => !names.includes(table));
    } else if (cursor.take("ALTER", "TABLE")) {
      cursor.take("IF", "EXISTS");
      cursor.take("ONLY");
      const table = cursor.name();
      for (const action of commaParts(cursor.rest())) {
        const at = cursorAt(action);
        const rename = at.take("RENAME", "TO") ? at.name() : null;
        if (rename !== null) {
          left = left.map((each) => each.table === table ? { ...each, table: rename } : each);
        } else if (at.take("ENABLE", "ROW", "LEVEL", "SECURITY")) {
          set({ table, setting: "row-level security" }, true);
        } else if (at.take("DISABLE", "ROW", "LEVEL", "SECURITY")) {
          set({ table, setting: "row-level security" }, false);
        } else if (at.take("FORCE", "ROW", "LEVEL", "SECURITY")) {
          set({ table, setting: "forced row-level security" }, true);
        } else if (at.take("NO", "FORCE", "ROW", "LEVEL", "SECURITY")) {
          set({ table, setting: "forced row-level security" }, false);
        } else if (at.take("SET", "UNLOGGED")) set({ table, setting: "unlogged" }, true);
        else if (at.take("SET", "LOGGED")) set({ table, setting: "unlogged" }, false);
      }
    } else if (isWord(tokens[0], "DO") || isWord(tokens[0], "SELECT")) {
      if (/\bROW\s+LEVEL\s+SECURITY\b/i.test(sql)) {
        perhaps.add("row-level security").add("forced row-level security");
      }
      if (/\bUNLOGGED\b/i.test(sql)) perhaps.add("unlogged");
    }
  }
  return { left, perhaps: [...perhaps] };
}
