import type { Operation } from "./operation.ts";
import { asNode, lastName, list, nameText, type Node, tableOf, text } from "./postgres_nodes.ts";
import { dropOthers, made, otherReaders, renameOther } from "./postgres_others.ts";
import { isSerial, postgresType } from "../postgres_spelling.ts";

/** Returns what a statement does, from the tree that PostgreSQL's own parser makes of it (`{ AlterTableStmt: … }`). */
export function postgresOperations(statement: unknown): readonly Operation[] {
  const [kind = "", body = {}] =
    Object.entries(asNode(statement)).map(([name, value]) => [name, asNode(value)] as const)[0] ?? [];
  // A schema of their own is what its things are named with afterwards.
  const own = readers[kind]?.(body) ?? [];
  return kind === "CreateSchemaStmt" ? own : [...own, ...nestedOperations(body)];
}

const readers: Readonly<Record<string, (body: Node) => readonly Operation[]>> = {
  ...otherReaders,
  AlterTableStmt: (body) => {
    if (body["objtype"] !== "OBJECT_TABLE") return [];
    const table = tableOf(body["relation"]);
    return list(body["cmds"]).flatMap((command) =>
      alterTable(table, asNode(asNode(command)["AlterTableCmd"]))
    );
  },
  CreateStmt: (body) => [{
    kind: "create table",
    table: tableOf(body["relation"]),
    ...uniquesOf(list(body["tableElts"])),
  }],
  CreateTableAsStmt: (body) => {
    const name = tableOf(asNode(body["into"])["rel"]);
    return body["objtype"] === "OBJECT_MATVIEW"
      ? made("view", name)
      : [{ kind: "create table", table: name }];
  },
  IndexStmt: (body) => [{
    kind: "create index",
    table: tableOf(body["relation"]),
    index: text(body["idxname"]),
    isUnique: body["unique"] === true,
    isConcurrent: body["concurrent"] === true,
  }, ...(body["concurrent"] === true ? [alone("CREATE INDEX CONCURRENTLY")] : [])],
  DropStmt: drop,
  RenameStmt: rename,
  UpdateStmt: (body) => [{ kind: "update", table: tableOf(body["relation"]) }],
  DeleteStmt: (body) => [{ kind: "delete", table: tableOf(body["relation"]) }],
  InsertStmt: (body) => [{ kind: "insert", table: tableOf(body["relation"]) }],
  MergeStmt: (body) => [{ kind: "update", table: tableOf(body["relation"]) }],
  TruncateStmt: (body) =>
    list(body["relations"]).map((each) => ({ kind: "truncate", table: tableOf(asNode(each)["RangeVar"]) })),
  LockStmt: (body) =>
    list(body["relations"]).map((each) => ({
      kind: "lock table",
      table: tableOf(asNode(each)["RangeVar"]),
      by: "LOCK TABLE",
    })),
  RefreshMatViewStmt: (body) =>
    body["concurrent"] === true ? [] : [{
      kind: "lock table",
      table: tableOf(body["relation"]),
      by: "REFRESH MATERIALIZED VIEW without CONCURRENTLY",
    }],
  ClusterStmt: (body) => [{ kind: "rewrite table", table: tableOf(body["relation"]), by: "CLUSTER" }],
  VacuumStmt: (body) => body["is_vacuumcmd"] === true ? [alone("VACUUM")] : [],
  ReindexStmt: (body) => {
    const isConcurrent = list(body["params"]).some((each) =>
      asNode(asNode(each)["DefElem"])["defname"] === "concurrently"
    );
    if (isConcurrent) return [alone("REINDEX CONCURRENTLY")];
    return [{ kind: "lock table", table: tableOf(body["relation"]), by: "REINDEX without CONCURRENTLY" }];
  },
  CreatedbStmt: () => [alone("CREATE DATABASE")],
  DropdbStmt: () => [alone("DROP DATABASE")],
  AlterSystemStmt: () => [alone("ALTER SYSTEM")],
  CreateTableSpaceStmt: () => [alone("CREATE TABLESPACE")],
  DoStmt: () => [{ kind: "hidden", what: "a DO block" }],
  CallStmt: () => [{ kind: "hidden", what: "a procedure" }],
};

function alterTable(table: string, command: Node): readonly Operation[] {
  const column = text(command["name"]);
  switch (command["subtype"]) {
    case "AT_AddColumn":
      return addColumn(table, asNode(asNode(command["def"])["ColumnDef"]));
    case "AT_DropColumn":
      return [{ kind: "drop column", table, column }];
    case "AT_SetNotNull":
      return [{ kind: "set not null", table, column }];
    case "AT_DropNotNull":
      return [{ kind: "drop not null", table, column }];
    case "AT_ColumnDefault":
      return [{ kind: command["def"] === undefined ? "drop default" : "set default", table, column }];
    case "AT_AlterColumnType": {
      const definition = asNode(asNode(command["def"])["ColumnDef"]);
      const using = definition["raw_default"];
      return [{
        kind: "change type",
        table,
        column,
        type: typeOf(definition["typeName"]),
        isComputed: using !== undefined && !isPlainCast(using, column, typeOf(definition["typeName"])),
      }];
    }
    case "AT_AddConstraint":
      return [addConstraint(table, asNode(asNode(command["def"])["Constraint"]))];
    case "AT_ValidateConstraint":
      return [{ kind: "validate constraint", table, name: column }];
    case "AT_DropConstraint":
      return [{ kind: "drop constraint", table, name: column }];
    case "AT_SetTableSpace":
    case "AT_SetLogged":
    case "AT_SetUnLogged":
      return [{ kind: "rewrite table", table, by: `ALTER TABLE ${text(command["subtype"]).slice(3)}` }];
    default:
      return [];
  }
}

const constraintKinds = {
  CONSTR_CHECK: "check",
  CONSTR_FOREIGN: "foreign key",
  CONSTR_UNIQUE: "unique",
  CONSTR_PRIMARY: "primary key",
  CONSTR_EXCLUSION: "exclusion",
} as const;

function addConstraint(table: string, constraint: Node): Operation {
  const kind = constraintKinds[text(constraint["contype"]) as keyof typeof constraintKinds] ?? "check";
  return {
    kind: "add constraint",
    table,
    name: text(constraint["conname"]),
    constraint: kind,
    isNotValid: constraint["skip_validation"] === true,
    usesIndex: constraint["indexname"] !== undefined,
    notNullOf: notNullColumn(constraint["raw_expr"]),
  };
}

function uniquesOf(elements: readonly unknown[]): { readonly uniques?: readonly string[] } {
  const uniques = uniquesIn(elements);
  return uniques.length === 0 ? {} : { uniques };
}

/** Returns the names of the unique constraints among a table's elements, or of a column's. */
function uniquesIn(elements: readonly unknown[]): readonly string[] {
  return elements.map(asNode).flatMap(({ Constraint, ColumnDef }) => {
    const { contype, conname } = asNode(Constraint);
    const own = contype === "CONSTR_UNIQUE" && typeof conname === "string" ? [conname] : [];
    return [...own, ...uniquesIn(list(asNode(ColumnDef)["constraints"]))];
  });
}

/** Adding a column adds its constraints as well; those of a new column look at no rows unless they are references. */
function addColumn(table: string, definition: Node): readonly Operation[] {
  const constraints = list(definition["constraints"]).map((each) => asNode(asNode(each)["Constraint"]));
  const find = (kind: string) => constraints.find((each) => each["contype"] === kind);
  const value = find("CONSTR_DEFAULT")?.["raw_expr"];
  const isMade = isSerial(typeWord(definition["typeName"])) || find("CONSTR_IDENTITY") !== undefined ||
    find("CONSTR_GENERATED")?.["generated_kind"] === "s";
  const references = find("CONSTR_FOREIGN");
  return [
    {
      kind: "add column",
      table,
      column: text(definition["colname"]),
      notNull: find("CONSTR_NOTNULL") !== undefined || find("CONSTR_PRIMARY") !== undefined,
      value: isMade || (value !== undefined && !isSteady(value))
        ? "each row"
        : value === undefined
        ? "none"
        : "one for all",
    },
    // With a value for all rows a reference has to be looked up for each of them.
    ...references !== undefined && value !== undefined ? [addConstraint(table, references)] : [],
    ...constraints.filter((each) =>
      each["contype"] === "CONSTR_UNIQUE" || each["contype"] === "CONSTR_PRIMARY"
    )
      .map((each) => addConstraint(table, each)),
    ...find("CONSTR_CHECK") === undefined ? [] : [addConstraint(table, find("CONSTR_CHECK")!)],
  ];
}

function drop(body: Node): readonly Operation[] {
  const names = list(body["objects"]).map((each) => {
    const node = asNode(each);
    return list(node["List"] === undefined ? [node] : asNode(node["List"])["items"]).map(nameText);
  });
  // A policy, a trigger and a rule are named behind their table.
  const depth = /_(?:POLICY|TRIGGER|RULE)$/.test(text(body["removeType"])) ? 2 : 1;
  const schemas = names.filter((parts) => parts.length > depth).map((parts): Operation => ({
    kind: "names schema",
    schema: parts[0]!,
  }));
  const isConcurrent = body["concurrent"] === true;
  const last = names.map((parts) => parts.at(-1) ?? "");
  if (body["removeType"] === "OBJECT_TABLE") {
    return [...last.map((table): Operation => ({ kind: "drop table", table })), ...schemas];
  }
  if (body["removeType"] !== "OBJECT_INDEX") return [...dropOthers(body), ...schemas];
  return [
    ...last.map((index): Operation => ({ kind: "drop index", index, isConcurrent })),
    ...isConcurrent ? [alone("DROP INDEX CONCURRENTLY")] : [],
    ...schemas,
  ];
}

function rename(body: Node): readonly Operation[] {
  const table = tableOf(body["relation"]);
  const to = text(body["newname"]);
  switch (body["renameType"]) {
    case "OBJECT_TABLE":
      return [{ kind: "rename table", table, to }];
    case "OBJECT_COLUMN":
      return [{ kind: "rename column", table, column: text(body["subname"]), to }];
    case "OBJECT_INDEX":
      return [{ kind: "rename index", index: table, to }];
    case "OBJECT_TABCONSTRAINT":
      return [{ kind: "rename constraint", table, name: text(body["subname"]), to }];
    default:
      return renameOther(body["renameType"], body, () => to);
  }
}

/** Finds what a `WITH` changes, and the schemas that are named anywhere. */
function nestedOperations(body: Node): readonly Operation[] {
  const changes: Operation[] = [];
  const schemas: Operation[] = [];
  visit(body, (name, value) => {
    if (name === "schemaname" && typeof value === "string") {
      schemas.push({ kind: "names schema", schema: value });
    }
    if (/^(Update|Delete|Insert|Merge)Stmt$/.test(name)) changes.push(...readers[name]!(asNode(value)));
  });
  return [...changes, ...schemas];
}

/** Goes through all that is in a tree, from the top, and tells the name under which it stands. */
function visit(node: object, see: (name: string, value: unknown) => void): void {
  for (const [name, value] of Object.entries(node)) {
    if (!Array.isArray(node)) see(name, value);
    if (typeof value === "object" && value !== null) visit(value, see);
  }
}

/** Says whether a default has one value for all rows of a statement, which PostgreSQL 11 then keeps beside them. */
function isSteady(expression: unknown): boolean {
  const node = asNode(expression);
  if (node["A_Const"] !== undefined || node["SQLValueFunction"] !== undefined) return true;
  if (node["TypeCast"] !== undefined) return isSteady(asNode(node["TypeCast"])["arg"]);
  if (node["A_ArrayExpr"] !== undefined) return list(asNode(node["A_ArrayExpr"])["elements"]).every(isSteady);
  const call = asNode(node["FuncCall"]);
  return /^(now|transaction_timestamp|statement_timestamp)$/.test(
    list(call["funcname"]).map(nameText).at(-1) ?? "",
  );
}

/** Says whether an expression is `column::type`, of the type that the column gets: by way of another one the values are worked out. */
function isPlainCast(expression: unknown, column: string, type: string): boolean {
  const cast = asNode(asNode(expression)["TypeCast"]);
  return columnOf(expression) === column ||
    (columnOf(cast["arg"]) === column && typeOf(cast["typeName"]) === type);
}

function columnOf(expression: unknown): string | null {
  const fields = list(asNode(asNode(expression)["ColumnRef"])["fields"]);
  return fields.length === 0 ? null : nameText(fields.at(-1));
}

function notNullColumn(expression: unknown): string | null {
  const test = asNode(asNode(expression)["NullTest"]);
  return test["nulltesttype"] === "IS_NOT_NULL" ? columnOf(test["arg"]) : null;
}

function typeOf(typeName: unknown): string {
  const sizes = list(asNode(typeName)["typmods"]).map((each) =>
    asNode(asNode(asNode(each)["A_Const"])["ival"])["ival"] ?? 0
  );
  const array = list(asNode(typeName)["arrayBounds"]).length > 0 ? "[]" : "";
  return postgresType(`${typeWord(typeName)}${sizes.length === 0 ? "" : `(${sizes.join(",")})`}${array}`);
}

function typeWord(typeName: unknown): string {
  const name = lastName(asNode(typeName)["names"]);
  return name === "bpchar" ? "character" : name;
}

function alone(what: string): Operation {
  return { kind: "not in a transaction", what };
}
