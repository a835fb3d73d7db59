process.env.ADDED = 'by the file';
process.env.FROM_SHELL = 'changed by the file';
delete process.env.LANG;
module.exports = {apps: [{name: 'one', script: 'app.js'}, {name: 'two', script: 'app.sh', env: {ADDED: 'by the app'}}]};
