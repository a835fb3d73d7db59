module.exports = {apps: [{name: 'a', script: './main'}, {name: 'b', script: 'app'}]};
