// Evaluates a configuration file and tells what it exports and what it changed in the environment.
// The answer goes into a file of ward's: both standard streams belong to the configuration file.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import process from 'node:process';
import { inspect } from 'node:util';
import { pathToFileURL } from 'node:url';

const take = (name) => {
  const value = process.env[name];
  delete process.env[name];
  return value;
};
const file = take('WARD_CONFIG_FILE');
const answer = take('WARD_CONFIG_ANSWER');
const words = JSON.parse(take('WARD_CONFIG_WORDS'));
const silent = take('WARD_CONFIG_SILENT');

const tell = (what) => fs.writeFileSync(answer, JSON.stringify(what));
const described = (error) => {
  // What bun says of a file it cannot read.
  const { message, position: at } = error?.errors?.[0] ?? error ?? {};
  if (at) return `SyntaxError: ${message}\n    at ${at.file}:${at.line}:${at.column}`;
  const text = (error instanceof Error && error.stack) || (typeof error === 'string' ? error : inspect(error));
  if (!(error instanceof SyntaxError) || text.includes(file)) return text;
  // Of a module that cannot be parsed node knows the place only where it prints it.
  const checked = String(spawnSync(process.execPath, ['--check', file]).stderr);
  return checked.includes(file) ? checked : text;
};
const fail = (error) => {
  tell({ thrown: described(error) });
  process.exit(1);
};

// The program that evaluates the file is ward, as far as the file is concerned.
process.argv.splice(1, process.argv.length, ...words);
// Whoever reads may have enough.
process.stdout.on('error', () => {});
process.stderr.on('error', () => {});
if (silent) for (const name of ['log', 'info', 'warn', 'error', 'debug', 'dir', 'table', 'trace']) console[name] = () => {};
// What is experimental in our own use of node is no news for whoever wrote the file.
const warned = process.listeners('warning');
process.removeAllListeners('warning');
process.on('warning', (warning) => {
  if (warning.name === 'ExperimentalWarning' || warning.code === 'MODULE_TYPELESS_PACKAGE_JSON') return;
  for (const listener of warned) listener.call(process, warning);
});
process.once('uncaughtException', fail);

const before = { ...process.env };
try {
  const space = await import(pathToFileURL(file).href);
  let value = 'default' in space ? space.default : space;
  if (value && value.__esModule && 'default' in value) value = value.default;
  if (typeof value === 'function') value = value();
  value = await value;
  const after = { ...process.env };
  const set = Object.fromEntries(Object.entries(after).filter(([name, text]) => before[name] !== text));
  const unset = Object.keys(before).filter((name) => !(name in after));
  tell({ value: value ?? null, set, unset });
} catch (error) {
  fail(error);
}
process.exit(0);
