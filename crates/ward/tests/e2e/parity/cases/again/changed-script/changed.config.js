module.exports = {apps: [{name: 'a', script: 'other.js', cwd: __dirname, out_file: 'new-out.log', env: {A: 2}}]};
