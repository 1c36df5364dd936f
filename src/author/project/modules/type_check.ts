import { dirname, resolve } from "node:path";
import { badSchema, runModule } from "./run.ts";
import { resolveModule } from "./resolve.ts";

/** What is used of TypeScript's compiler, which is the project's own. */
interface Compiler {
  readonly sys: { fileExists(path: string): boolean; readFile(path: string): string | undefined };
  findConfigFile(folder: string, exists: (path: string) => boolean): string | undefined;
  readConfigFile(path: string, read: (path: string) => string | undefined): { readonly config?: unknown };
  parseJsonConfigFileContent(config: unknown, sys: unknown, folder: string): { readonly options: object };
  createProgram(files: readonly string[], options: object): Program;
  flattenDiagnosticMessageText(text: unknown, lineBreak: string): string;
}

interface Program {
  getSourceFiles(): readonly SourceFile[];
  getSemanticDiagnostics(file: SourceFile): readonly Diagnostic[];
}

interface SourceFile {
  readonly fileName: string;
  readonly isDeclarationFile: boolean;
  getLineAndCharacterOfPosition(at: number): { readonly line: number };
}

interface Diagnostic {
  readonly code: number;
  readonly start?: number;
  readonly messageText: unknown;
}

/** What says that a value does not fit; the rest is the project's own affair, or shows when the schema runs. */
const misfits: readonly number[] = [2322, 2345, 2353, 2554, 2555, 2769];

/** What a project without a tsconfig.json is read with, by the compiler's numbers: strict, as a bundler finds modules. */
const defaults = { strict: true, target: 99, module: 99, moduleResolution: 100 };

/**
 * Has the project's own TypeScript look at a schema.ts and the files of the project that it imports. Does nothing where
 * TypeScript or drizzle-orm's types are not in node_modules.
 *
 * @throws {HarborError} `bad_schema` with the line of a value that does not fit
 */
export function refuseMisfits(schemaFile: string): void {
  const file = resolve(schemaFile);
  const path = resolveModule(file, "typescript");
  if (path === null || resolveModule(file, "drizzle-orm") === null) return;
  const compiler = runModule(path, new Map()).exports as Compiler;
  const program = compiler.createProgram([file], {
    ...optionsOf(compiler, file),
    noEmit: true,
    skipLibCheck: true,
    allowImportingTsExtensions: true,
    composite: false,
    incremental: false,
  });
  for (const source of program.getSourceFiles()) {
    if (source.isDeclarationFile || source.fileName.includes("/node_modules/")) continue;
    const found = program.getSemanticDiagnostics(source).find(({ code }) => misfits.includes(code));
    if (found === undefined) continue;
    const line = source.getLineAndCharacterOfPosition(found.start ?? 0).line + 1;
    const [said] = compiler.flattenDiagnosticMessageText(found.messageText, "\n").split("\n");
    throw badSchema(`${source.fileName}:${line}`, `${said} (TS${found.code})`, { hint: "npx tsc --noEmit" });
  }
}

function optionsOf(
  { sys, findConfigFile, readConfigFile, parseJsonConfigFileContent }: Compiler,
  file: string,
): object {
  const path = findConfigFile(dirname(file), (each) => sys.fileExists(each));
  if (path === undefined) return defaults;
  const { config } = readConfigFile(path, (each) => sys.readFile(each));
  return parseJsonConfigFileContent(config, sys, dirname(path)).options;
}
