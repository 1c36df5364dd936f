import { proofText } from "../../engines/backup/content.ts";
import { counted, formatBytes, formatDuration } from "../../base/quantity.ts";
import { readDeliveries } from "../../backup/store/deliveries.ts";
import { isInFuture } from "../../backup/rules/manifest.ts";
import type { StoredBackup } from "../../backup/store/folder.ts";
import type { MadeBackup } from "../../backup/make.ts";
import type { App } from "../../cli/app.ts";

/** Returns a backup as `--json` shows it in lists. */
export function listedBackup({ path, manifest, isWhole }: StoredBackup) {
  const {
    id,
    revision,
    unfinished,
    createdAt,
    bytes,
    engine,
    proof,
    notRestored,
    host,
    notCompared,
    notFollowed,
    reason,
    compression,
    encryption,
    database,
    identity = null,
    home,
  } = manifest;
  return {
    id,
    path,
    revision,
    unfinished,
    createdAt,
    bytes,
    verified: isWhole,
    proof,
    notRestored,
    host,
    notCompared,
    notFollowed,
    engine,
    reason,
    compression,
    encryption,
    database,
    identity,
    home,
    deliveries: readDeliveries(path),
  };
}

/** Returns a backup that was just made, as `--json` shows it. */
export function describeBackup(backup: MadeBackup) {
  const { manifestPath, manifest, isReused, timing } = backup;
  const { sha256, tables, uncarried } = manifest;
  return {
    ...listedBackup(backup),
    manifest: manifestPath,
    sha256,
    tables,
    uncarried,
    reused: isReused,
    copyMs: Math.round(timing.copyMs),
    proofMs: Math.round(timing.proofMs),
  };
}

/** Says what was backed up, where to and how it was proven. */
export function printBackup({ report }: App, { path, manifest, isReused }: MadeBackup): void {
  const { bytes, tables, createdAt } = manifest;
  const rows = tables.reduce((sum, table) => sum + table.rows, 0);
  report.line(
    isReused
      ? `${
        report.colors.green("backup")
      }     ${path}  from ${createdAt}: nothing that it holds has changed since`
      : `${report.colors.green("backed up")}  ${path}  ${formatBytes(bytes)}, ${counted(rows, "row")} in ${
        counted(tables.length, "table")
      }, ${proofText(manifest)}`,
  );
}

/** Returns where a backup goes back to: `71dda59686db`, `no revision`, `71dda59686db, half way to 5b09ebe23c76`. */
export function positionText(
  at: { readonly revision: string | null; readonly unfinished: string | null },
): string {
  return `${at.revision ?? "no revision"}${at.unfinished === null ? "" : `, half way to ${at.unfinished}`}`;
}

/** Returns how old something is: `3 min 20 s`. */
export function ageText(createdAt: string, now: Date): string {
  if (isInFuture(createdAt, now)) return "in the future";
  return formatDuration(Math.max(0, now.getTime() - Date.parse(createdAt)));
}

/** Returns in which form a copy is kept: `zstd, age`. */
export function storedText(
  { compression, encryption }: Pick<StoredBackup["manifest"], "compression" | "encryption">,
): string {
  return [compression, encryption].filter((each) => each !== null).join(", ") || "plain";
}
