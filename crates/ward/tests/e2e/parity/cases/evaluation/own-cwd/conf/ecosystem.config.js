module.exports = {apps: [{name: 'web', script: 'app.js', cwd: require('path').join(__dirname, '..'), env: {
  CWD: process.cwd(), HERE: __dirname, FILE: __filename}}]};
