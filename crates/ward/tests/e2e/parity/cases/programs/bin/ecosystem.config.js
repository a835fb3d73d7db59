module.exports = {apps: [{name: 'tool', script: 'node_modules/.bin/tool', args: 'serve -p 3000'}, {name: 'again', script: './node_modules/.bin/tool', interpreter: 'none'}]};
