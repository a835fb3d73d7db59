// What jq does, where there may be none: prints the value of an expression about the list on standard input.
const list = JSON.parse(require('fs').readFileSync(0, 'utf8'));
for (const value of [new Function('list', `return ${process.argv[2]}`)(list)].flat()) console.log(value);
