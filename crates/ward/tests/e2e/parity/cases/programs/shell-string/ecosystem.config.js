module.exports = {apps: [{name: 'a', script: 'node app.js --port 3000'}, {name: 'b', script: 'A=1 node app.js && echo done'},
  {script: './app.sh "quoted word"'}, {script: 'B=2 node ./app.js -v 1.2'}]};
