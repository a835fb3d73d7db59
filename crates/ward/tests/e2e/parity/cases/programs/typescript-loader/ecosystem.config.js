module.exports = {apps: [{name: 'a', script: 'main.ts', interpreter: 'node', node_args: '-r fake-ts/register'}]};
