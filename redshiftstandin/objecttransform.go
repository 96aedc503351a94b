package redshiftstandin

func (r *rewriter) objectTransform() error { return notImitated("the function OBJECT_TRANSFORM") }
