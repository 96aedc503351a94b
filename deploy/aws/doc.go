// Package aws holds a CloudFormation template that runs the pipeline on AWS, and
// the tests of it: that it says only what AWS's published specification knows,
// that each function may do what its code does and no more, and that the settings
// on which the pipeline's promises rest are there.
package aws
