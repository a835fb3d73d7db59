import fs from 'node:fs';
import { pathToFileURL } from 'node:url';
const file = process.env.WARD_CONFIG_FILE;
delete process.env.WARD_CONFIG_FILE;
// What the file prints is not the answer.
process.stdout.write = process.stderr.write.bind(process.stderr);
const space = await import(pathToFileURL(file).href);
let value = 'default' in space ? space.default : space;
if (value && value.__esModule && 'default' in value) value = value.default;
if (typeof value === 'function') value = value();
value = await value;
const text = Buffer.from('\0ward\0' + JSON.stringify(value ?? null));
for (let at = 0; at < text.length;) {
  try { at += fs.writeSync(1, text, at); } catch (error) { if (error.code !== 'EAGAIN') throw error; }
}
process.exit(0);
