const path = require('path');
const words = process.argv.slice(2).map((it) => path.basename(it));
const at = process.argv.indexOf('--port');
module.exports = {apps: [{name: 'web', script: 'app.js', env: {
  WORDS: words.join(' '), PORT: at > 0 ? process.argv[at + 1] : 80, COUNT: process.argv.length, MAIN: require.main === module}}]};
