console.log("litmap");
