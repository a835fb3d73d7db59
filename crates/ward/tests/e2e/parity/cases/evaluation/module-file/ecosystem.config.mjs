import {readFileSync} from 'fs';
process.env.FROM_FILE = readFileSync(new URL('./.env', import.meta.url), 'utf8').trim();
export const apps = [{name: 'a', script: 'app.js', env: {ARGS: String(process.argv.length)}}];
