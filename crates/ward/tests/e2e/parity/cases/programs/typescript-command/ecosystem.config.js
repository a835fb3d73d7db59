module.exports = {apps: [{name: 'a', script: 'main.ts', interpreter: './node_modules/.bin/fake-node'}]};
